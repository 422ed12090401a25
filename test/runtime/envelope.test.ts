/** The envelope: what it reads, what it refuses, and that nothing is lost when it is written again. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEnvelope, encodeEnvelope, reissue } from "../../runtime/wire/envelope.js";
import { UndecodableError } from "../../runtime/vocabulary/errors.js";
import { createId } from "../../runtime/wire/id.js";
import { rawMember } from "../../runtime/wire/json.js";
import { failuresAfter } from "../../runtime/worker/failures.js";

const init = (inputJson: string) => ({ id: createId(), actor: "test.actor", v: "0011aabb", at: 1, inputJson });

/** What an input may be: a key named `__proto__`, which fast-check likes to make, is refused (the last case below). */
const input = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("__proto__"));

describe("an envelope", () => {
  it("is JSON with the input last", () => {
    const message = { ...init('{"a":1}'), id: "1", reply: 'callboard:reply:"x"', encoding: "tagged" };
    expect(encodeEnvelope(message)).toBe(
      '{"id":"1","actor":"test.actor","v":"0011aabb","at":1,"reply":"callboard:reply:\\"x\\"","encoding":"tagged","input":{"a":1}}',
    );
  });

  it("is read at its largest also with all that it remembers of its failures, and those are bounded", () => {
    // What is longest in JSON: each of these takes six characters there.
    const error = { name: "\u0001".repeat(1000), message: "\u0001".repeat(1000) };
    let body = encodeEnvelope(init(JSON.stringify("x".repeat(1024 * 1024 - 200))));
    for (let attempt = 1; attempt <= 50; attempt++) {
      const outcome = { kind: "retry", delay: 0, error } as const;
      const failures = failuresAfter(decodeEnvelope(body), outcome, attempt);
      body = reissue(body, { attempt: attempt + 1, failures });
    }
    const { failures } = decodeEnvelope(body);
    expect(failures.map(({ at }) => at)).toEqual([1, ...Array.from({ length: 19 }, (_, i) => i + 32)]);
    expect(failures[0]).toEqual({ at: 1, name: "\u0001".repeat(100), message: "\u0001".repeat(300) });
  });

  it("reads what it wrote, whatever the input is", () => {
    fc.assert(
      fc.property(input, (value) => {
        const json = JSON.stringify(value);
        const { input: read, attempt, crashes } = decodeEnvelope(encodeEnvelope(init(json)));
        expect([JSON.stringify(read), attempt, crashes]).toEqual([json, 1, 0]);
      }),
    );
  });

  it("keeps the input's bytes and unknown fields when it is issued again", () => {
    fc.assert(
      fc.property(
        input.map((value) => JSON.stringify(value)),
        fc.dictionary(fc.string(), input),
        (json, extra) => {
          const known = [
            "id",
            "actor",
            "v",
            "at",
            "attempt",
            "crashes",
            "misses",
            "reply",
            "encoding",
            "input",
            "__proto__",
          ];
          const unknown = Object.fromEntries(Object.entries(extra).filter(([name]) => !known.includes(name)));
          const body = `{"crashes":3, ${JSON.stringify({ id: "1", actor: "a", v: "0", at: 1, ...unknown }).slice(1, -1)} , "input" : ${json} }`;
          const next = reissue(body, { attempt: 2, crashes: undefined });
          expect(rawMember(next, "input")).toBe(json);
          expect(JSON.parse(next)).toEqual({ ...(JSON.parse(body) as object), crashes: undefined, attempt: 2 });
          expect(decodeEnvelope(next)).toMatchObject({ attempt: 2, crashes: 0 });
        },
      ),
    );
  });

  it("is refused, and never anything worse, whatever the bytes are", () => {
    const whole = encodeEnvelope(init('{"a":[1,{"b":null}]}'));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.nat(whole.length).map((end) => whole.slice(0, end)),
        ),
        (body) => {
          if (body === whole) return;
          expect(() => decodeEnvelope(body)).toThrow(UndecodableError);
        },
      ),
    );
  });

  it("is refused when it is too deep, and only then", () => {
    const nested = (depth: number) => encodeEnvelope(init("[".repeat(depth) + "]".repeat(depth)));
    expect(decodeEnvelope(nested(63)).id).toBeDefined();
    expect(() => decodeEnvelope(nested(64))).toThrow(/deeper than 64/);
    // Brackets in a string are no depth.
    expect(decodeEnvelope(encodeEnvelope(init(JSON.stringify(`\\"${"[{".repeat(500)}`)))).id).toBeDefined();
  });

  it("is refused when it names __proto__, however that is spelt", () => {
    for (const key of ["__proto__", "\\u005f_proto__", "__\\u0070roto__"]) {
      expect(() => decodeEnvelope(encodeEnvelope(init(`{"x":[{"${key}":1}]}`)))).toThrow(/__proto__/);
    }
    expect(decodeEnvelope(encodeEnvelope(init('{"x":"__proto__","y":"\\u0041"}'))).input).toEqual({
      x: "__proto__",
      y: "A",
    });
  });
});
