/** Sealed messages on their whole way: what is seen in the broker, who can read them, and what becomes of those that nobody can. */
import { createSeal, MemoryBackend, memoryBroker, RemoteFailureError, UnsealableError, type Seal } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { createWorker, type Worker } from "callboard/worker";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { Broker, DeadLetter, Publication } from "../../runtime/seams/broker.js";
import { decodeEnvelope } from "../../runtime/wire/envelope.js";
import { createId } from "../../runtime/wire/id.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

type Greet = Actor<{ input: { name: string }; output: string }>;
const greet: Greet = testActor("greet", { input: z.object({ name: z.string() }), output: z.string(), maxRetries: 1 });
type Age = Actor<{ input: Date; output: bigint | undefined }>;
const untagged = testActor<{ input: Date; output: bigint | undefined }>("age", {
  input: z.date(),
  output: z.bigint().optional(),
});
const age: Age = {
  ...untagged,
  input: { tagged: true, check: (value) => untagged.input.check(value) },
  output: { tagged: true, check: (value) => untagged.output?.check(value) ?? { ok: false, issues: [] } },
};

const keys = { old: Buffer.alloc(32, 1), new: Buffer.alloc(32, 2) };
const seal = createSeal({ current: "old", keys });

/** A broker that keeps what passes through it, as somebody who can look into the server would. */
class Watched implements Broker {
  readonly name = "watched";
  readonly seen: string[] = [];
  readonly published: Publication[] = [];
  readonly deadLetters: Broker["deadLetters"];
  readonly results: Broker["results"];
  readonly consume: Broker["consume"];
  readonly close: Broker["close"];
  readonly now: Broker["now"];
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
    this.deadLetters = broker.deadLetters;
    this.consume = broker.consume.bind(broker);
    this.close = broker.close.bind(broker);
    this.now = broker.now.bind(broker);
    this.results = {
      put: (id, result, ttl, reply) => {
        this.seen.push(JSON.stringify(result));
        return broker.results.put(id, result, ttl, reply);
      },
      offer: (...args) => broker.results.offer(...args),
      note: (...args) => broker.results.note(...args),
      address: () => broker.results.address(),
      wait: (id, options) => broker.results.wait(id, options),
    };
  }

  publish(messages: readonly Publication[]): Promise<void> {
    this.published.push(...messages);
    this.seen.push(...messages.map(({ body }) => body));
    return this.#broker.publish(messages);
  }
}

let broker: Watched;
let logger: TestLogger;
const workers: Worker[] = [];

beforeEach(() => {
  broker = new Watched(memoryBroker({ backend: new MemoryBackend() }));
  logger = new TestLogger();
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await broker.close();
});

async function work(given?: Seal): Promise<void> {
  const handlers = {
    greet: ({ name }: { name: string }) => {
      if (name === "nobody") throw new Error("nobody is here");
      return `Hello ${name}`;
    },
    age: (born: Date) => (born.getTime() === 0 ? undefined : BigInt(born.getTime())),
  };
  const options = given === undefined ? { logger } : { logger, seal: given };
  const worker = createWorker(broker, { test: { greet, age } }, { test: handlers }, options);
  workers.push(worker);
  await worker.start();
}

const client = (given?: Seal) => createActorClient<Greet>(broker, greet, given === undefined ? {} : { seal: given });

async function deadLetter(): Promise<DeadLetter> {
  await eventually("a dead letter", async () => (await broker.deadLetters.list("default")).length > 0);
  const [letter] = await broker.deadLetters.list("default");
  if (letter === undefined) throw new Error("there is none");
  return letter;
}

test("a call is sealed both ways, and its header can be read", async () => {
  await work(seal);
  expect(await client(seal).call({ name: "Ada" })).toBe("Hello Ada");
  expect(broker.seen).toHaveLength(2);
  expect(broker.seen.join()).not.toMatch(/Ada|Hello/);
  const envelope = decodeEnvelope(broker.seen[0] ?? "");
  expect(envelope).toMatchObject({ actor: "test.greet", encoding: "sealed", input: { key: "old" } });
});

test("types that JSON lacks, and an output that is undefined, travel sealed as well", async () => {
  await work(seal);
  const dates = createActorClient<Age>(broker, age, { seal });
  expect(await dates.call(new Date(5))).toBe(5n);
  expect(await dates.call(new Date(0))).toBeUndefined();
  expect(decodeEnvelope(broker.seen[0] ?? "").encoding).toBe("tagged+sealed");
  expect(broker.seen.join()).not.toContain("1970");
});

test("keys are rotated while messages are on their way", async () => {
  const both = createSeal({ current: "new", keys });
  const before = await client(seal).send({ name: "Ada" });
  await work(both);
  expect(await client(both).call({ name: "Grace" })).toBe("Hello Grace");
  // The answer is sealed with the new key: who sent with the old one has to know it by then.
  const message = await client(both).send({ name: "Alan" });
  expect(await message.result()).toBe("Hello Alan");
  expect(await before.result()).toBe("Hello Ada");
});

test("a message whose key is unknown is dead for that reason, holds its seal, and can be replayed once the key is there", async () => {
  const stranger = createSeal({ current: "strange", keys: { strange: Buffer.alloc(32, 3) } });
  await work(seal);
  const message = await client(stranger).send({ name: "Ada" });
  await expect(message.result()).rejects.toMatchObject({ code: "REMOTE_FAILURE", reason: "unsealable" });
  const letter = await deadLetter();
  expect(letter).toMatchObject({ reason: "unsealable", attempts: 0, body: broker.published[0]?.body });
  expect(letter.error.message).toBe(
    'the input cannot be opened: it is sealed with the key "strange"; the keys here are old, new',
  );
  await workers.pop()?.stop();
  await work(createSeal({ current: "old", keys: { ...keys, strange: Buffer.alloc(32, 3) } }));
  await broker.deadLetters.replay("default", letter.id);
  await eventually("the work done", () => broker.seen.length === 3);
  expect(broker.seen[2]).not.toContain("Ada");
});

test("a worker without keys says so of a sealed message, and a caller without keys of a sealed answer", async () => {
  await work();
  const error: unknown = await client(seal)
    .call({ name: "Ada" })
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RemoteFailureError);
  expect(String(error)).toContain('it is sealed, and there are no keys here: give them as "seal"');
});

test("an input that was moved into another message does not open there", async () => {
  await work(seal);
  await client(seal).send({ name: "Ada" });
  const body = broker.published[0]?.body ?? "";
  const id = createId();
  const moved = body.replace(decodeEnvelope(body).id, id);
  await broker.publish([{ id, queue: "default", priority: 5, delay: 0, body: moved }]);
  const letter = await deadLetter();
  expect(letter).toMatchObject({ id, reason: "unsealable" });
  expect(letter.error.message).toContain("it was taken from another message");
});

test("what is not sealed is taken, unless a worker requires it", async () => {
  await work(seal);
  expect(await client().call({ name: "Ada" })).toBe("Hello Ada");
  expect(broker.seen[1]).toContain("Hello Ada");
  await workers.pop()?.stop();
  await work(createSeal({ current: "old", keys, required: true }));
  await expect(client().call({ name: "Ada" })).rejects.toMatchObject({ reason: "unsealable" });
  expect((await deadLetter()).error.message).toContain("it is not sealed, and only what is sealed is taken here");
});

test("a caller with keys takes no answer that is not sealed", async () => {
  const message = await client(seal).send({ name: "Ada" });
  await broker.results.put(message.id, { ok: true, output: "Hello from a forger" }, 1000);
  await expect(message.result()).rejects.toBeInstanceOf(UnsealableError);
});

test("a sealed message is tried again with the very same seal", async () => {
  await work(seal);
  await expect(client(seal).call({ name: "nobody" })).rejects.toThrow(/nobody is here/);
  const letter = await deadLetter();
  const [first] = broker.published;
  expect(decodeEnvelope(letter.body).input).toEqual(decodeEnvelope(first?.body ?? "").input);
  expect(letter).toMatchObject({ reason: "retries-exhausted", attempts: 2 });
});

test("something else than a seal is refused as an option", () => {
  const options = { seal: { current: "a", keys } as never };
  expect(() => createActorClient(broker, greet, options)).toThrow(/"seal" must be what createSeal/);
  expect(() => createWorker(broker, { test: { greet } }, { test: { greet: () => "" } }, options)).toThrow(
    /"seal" must/,
  );
});
