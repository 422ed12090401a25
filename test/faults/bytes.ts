/** Bytes as nobody should send them: noise, near misses of an envelope, and attacks. */
import * as fc from "fast-check";

/** An envelope that any worker of the suite could read, but for what replaces one of its fields. */
const whole = fc.record({
  id: fc.uuid(),
  actor: fc.constant("faults.note"),
  v: fc.constant("00000000"),
  at: fc.nat(),
  input: fc.constant({ n: 1, ms: 0, failures: 0, fate: "none" }),
});

/** What may not stand in a field. */
const wrong: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  id: fc.oneof(fc.nat(), fc.constant(""), fc.constant(null), fc.constant([])),
  actor: fc.oneof(fc.nat(), fc.constant(""), fc.constant({})),
  v: fc.oneof(fc.boolean(), fc.constant("")),
  at: fc.oneof(fc.string(), fc.constant(-1), fc.double({ noInteger: true, noNaN: true })),
  attempt: fc.oneof(fc.string(), fc.constant(-1), fc.constant(1e300)),
  crashes: fc.oneof(fc.string(), fc.constant(-1), fc.constant(1e9)),
  reply: fc.oneof(fc.nat(), fc.constant("")),
  encoding: fc.oneof(fc.nat(), fc.constant("sealed by nobody"), fc.constant("__proto__")),
  input: fc.oneof(fc.string(), fc.nat(), fc.constant(null), fc.constant([]), fc.object({ maxKeys: 3 })),
};

const spoiled = fc
  .constantFrom(...Object.keys(wrong))
  .chain((field) =>
    fc.tuple(whole, wrong[field] ?? fc.constant(null)).map(([envelope, value]) => ({ ...envelope, [field]: value })),
  );

const deep = fc.integer({ min: 65, max: 5000 }).map((depth) => "[".repeat(depth) + "]".repeat(depth));

/** Text that is JSON and would, read carelessly, change every object of the process. */
const polluting = whole.chain((envelope) => {
  const json = JSON.stringify(envelope).slice(0, -1);
  return fc.constantFrom(
    `${json},"__proto__":{"polluted":true}}`,
    `${json.replace('"input":{', '"input":{"__proto__":{"polluted":true},')}}`,
    `${json},"\\u005f_proto__":{"polluted":true}}`,
    `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"n":"${envelope.id}"}`,
  );
});

const text = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.json(),
  spoiled.map((envelope) => JSON.stringify(envelope)),
  spoiled.map((envelope) => JSON.stringify(envelope, undefined, 2)),
  whole.chain((envelope) => {
    const json = JSON.stringify(envelope);
    return fc.nat({ max: json.length - 2 }).map((length) => json.slice(0, length));
  }),
  deep,
  whole.chain((envelope) => deep.map((nested) => JSON.stringify(envelope).replace('"n":1', `"n":${nested}`))),
  polluting,
);

const bytes = fc.oneof(
  { weight: 6, arbitrary: text.map((each) => Buffer.from(each)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each)) },
);

/** So many different pieces; the same for the same seed. */
export function hostileBytes(count: number, seed: number): readonly Buffer[] {
  const different = new Map<string, Buffer>();
  for (const each of fc.sample(bytes, { seed, numRuns: count * 2 })) different.set(each.toString("latin1"), each);
  return [...different.values()].slice(0, count);
}

/** Results and states that are malformed, some of them hardly; the same for the same seed. */
export function hostileResults(count: number, seed: number): readonly Buffer[] {
  const nearly = fc
    .constantFrom(
      '{"ok":true,"output":{"n":"no number"}}',
      '{"ok":true,"encoding":"tagged","output":{"$":"unknown"}}',
      '{"ok":false}',
      '{"ok":false,"error":null}',
      '{"ok":false,"error":{"message":1}}',
      '{"ok":false,"error":{"message":"no name"}}',
      '{"state":"retrying"}',
      '{"state":"retrying","attempt":1,"error":null}',
      '{"ttl":1,"done":null}',
      '{"ttl":1,"done":{"ok":true}}',
      '{"ttl":1,"done":{"ok":true,"output":{"n":"no number"}}}',
      '{"ttl":1,"done":{"ok":false,"error":{}}}',
      '{"ttl":1,"pending":{"state":"retrying"}}',
      '{"ttl":"x","pending":{"state":"retrying","attempt":1,"error":{"name":"a","message":"b"}}}',
    )
    .map((json) => Buffer.from(json));
  return fc.sample(fc.oneof(nearly, bytes), { seed, numRuns: count });
}
