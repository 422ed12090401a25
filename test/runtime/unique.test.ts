/** What is refused of unique messages and of ids of a caller's own, and what travels with those that are sent. */
import { createSeal, InvalidInputError, InvalidOptionError, memoryBroker } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { rabbitmqBroker } from "callboard/rabbitmq";
import { createWorker } from "callboard/worker";
import { expect, test } from "vitest";
import { z } from "zod";
import type { Publication } from "../../runtime/seams/broker.js";
import type { Claim } from "../../runtime/seams/claims.js";
import { TestLogger, testActor } from "../support/actors.js";
import { TestConsumer } from "../support/consumer.js";

type Note = Actor<{ input: { user: unknown } }>;
const note = (key: (input: unknown) => unknown, mode?: "replace" | "debounce", freeAtEnd?: boolean): Note =>
  testActor("note", {
    input: z.object({ user: z.unknown() }),
    unique: {
      key: key as () => string,
      for: "10m",
      ...(mode && { mode }),
      ...(freeAtEnd === undefined ? {} : { freeAtEnd }),
    },
  });
const user = (input: unknown) => (input as { user: unknown }).user;

/** A broker that notes what is claimed, and what was sent. */
function watched() {
  const broker = memoryBroker();
  const seen: { readonly message: Publication; readonly claims: readonly Claim[] }[] = [];
  const { claims } = broker;
  if (claims === undefined) throw new Error("the memory broker keeps claims");
  const publish = claims.publish.bind(claims);
  claims.publish = (message, wanted) => {
    seen.push({ message, claims: wanted });
    return publish(message, wanted);
  };
  return { broker, seen };
}

test.each([
  [
    "throws",
    () => Object(undefined).x.y as string,
    /its "unique.key" must return a string or a finite number; it threw TypeError: /,
  ],
  ["is undefined", () => undefined, /must return a string or a finite number; it returned undefined/],
  ["is an object", () => ({}), /it returned object/],
  ["is null", () => null, /it returned null/],
  ["is a promise", () => Promise.reject(new Error("late")), /it returned a promise, and nobody waits for it/],
  ["is not finite", () => Number.NaN, /it returned NaN/],
])("a key that %s is refused, and nothing is sent", async (_, key, message) => {
  const { broker, seen } = watched();
  const client = createActorClient<Note>(broker, note(key));
  const error: unknown = await client.send({ user: "ada" }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InvalidInputError);
  expect(String(error)).toMatch(message);
  await expect(client.sendMany([{ user: "ada" }])).rejects.toThrow(/inputs\[0\]: its "unique.key"/);
  expect(seen).toEqual([]);
});

test.each([["", "a b", "a\n", "a{b", "}", "x".repeat(129), 42 as unknown as string]].flat().map((id) => [id]))(
  "the id %j is refused",
  async (id) => {
    const client = createActorClient<Note>(memoryBroker(), note(user));
    await expect(client.send({ user: "ada" }, { id })).rejects.toThrow(InvalidOptionError);
  },
);

test("many messages cannot have one id", async () => {
  const client = createActorClient<Note>(memoryBroker(), note(user));
  // @ts-expect-error it is no option there
  await expect(client.sendMany([{ user: 1 }], { id: "a" })).rejects.toThrow(/There is no option "id"/);
});

test("an id may hold what JSON escapes", async () => {
  const broker = memoryBroker();
  const client = createActorClient<Note>(broker, note(user));
  const id = 'ä"\\\u0007😀';
  expect((await client.send({ user: "ada" }, { id })).id).toBe(id);
  const delivery = await new TestConsumer(broker, "default").next();
  expect(JSON.parse(delivery.body)).toMatchObject({ id });
});

test.each([
  ["drop", note(user), { frees: ["unique:test.note:ada"], replaceable: false }],
  ["replace", note(user, "replace"), { frees: ["unique:test.note:ada"], replaceable: true }],
  ["replace, kept", note(user, "replace", false), { frees: [], replaceable: true }],
  ["drop, kept", note(user, undefined, false), undefined],
])("a message says only what is to be done about its claims: %s", async (_, actor, unique) => {
  const { broker, seen } = watched();
  await createActorClient<Note>(broker, actor).send({ user: "ada" });
  expect((JSON.parse(seen[0]?.message.body ?? "") as { unique?: unknown }).unique).toEqual(unique);
});

test("a key counts while its message is held back, and a debounced one is held back at least for its time", async () => {
  const { broker, seen } = watched();
  const minutes = 60_000;
  await createActorClient<Note>(broker, note(user)).send({ user: "ada" }, { delay: "1h" });
  const debounced = createActorClient<Note>(broker, note(user, "debounce"));
  await debounced.send({ user: "bob" });
  await debounced.send({ user: "eve" }, { delay: "1h" });
  expect(seen.map(({ message, claims }) => [message.delay, claims.map(({ ttl }) => ttl)])).toEqual([
    [60 * minutes, [70 * minutes]],
    [10 * minutes, [20 * minutes]],
    [60 * minutes, [70 * minutes]],
  ]);
});

test("long keys and those of sealed messages are known by their hash", async () => {
  const { broker, seen } = watched();
  const seal = createSeal({ current: "k", keys: { k: Buffer.alloc(32, 1) } });
  await createActorClient<Note>(broker, note(user)).send({ user: "x".repeat(10_000) });
  await createActorClient<Note>(broker, note(user), { seal }).send({ user: "secret" });
  for (const { message, claims } of seen) {
    expect(claims[0]?.key).toMatch(/^unique:test\.note:[\w-]{43}$/);
    expect(message.body).not.toContain("secret");
  }
});

test("without a store, client and worker say at their creation what is missing", async () => {
  const broker = rabbitmqBroker("amqp://localhost");
  const actor = note(user);
  const needs = /test\.note: "unique" needs a store, and rabbitmq .* has none.*redisState/;
  expect(() => createActorClient<Note>(broker, actor)).toThrow(needs);
  const worker = () =>
    createWorker(broker, { test: { note: actor } }, { test: { note: () => 1 } }, { logger: new TestLogger() });
  expect(worker).toThrow(needs);
  const plain = createActorClient<Note>(broker, testActor("note", { input: z.object({ user: z.unknown() }) }));
  await expect(plain.send({ user: 1 }, { id: "a" })).rejects.toThrow(/an id of your own needs a store/);
  await broker.close();
});
