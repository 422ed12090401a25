/** Whatever stands in a broker is read within limits: it may have been written by anybody. */
import { createActorClient, type Actor } from "callboard/client";
import { memoryBroker } from "callboard";
import { redisBroker } from "callboard/redis";
import { createWorker } from "callboard/worker";
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, it, test } from "vitest";
import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import { queueKeys, resultKeys } from "../../runtime/brokers/redis/keys.js";
import { readDeadLetter } from "../../runtime/wire/dead-letter.js";
import { decodeEnvelope } from "../../runtime/wire/envelope.js";
import { UndecodableError } from "../../runtime/vocabulary/errors.js";
import { readResult, readState, writeResult } from "../../runtime/wire/stored-result.js";
import { letter, message } from "../conformance/broker.js";
import { TestLogger, testActor } from "../support/actors.js";

const deep = "[".repeat(100) + "]".repeat(100);
const hostile: readonly [string, string][] = [
  ["nothing", ""],
  ["no JSON", "{"],
  ["null", "null"],
  ["a number", "5"],
  ["a list", "[]"],
  ["too deep", deep],
  ["too deep inside", `{"ok":true,"output":${deep}}`],
  ["hostile", '{"ok":true,"output":{"__proto__":{"admin":true}}}'],
  ["too large", `{"ok":true,"output":"${"x".repeat(2 * 1024 * 1024)}"}`],
  ["of wrong types", '{"ok":false,"reason":5,"error":{"name":1,"message":[]},"attempts":"many"}'],
  ["an odd encoding", '{"ok":true,"output":1,"encoding":{}}'],
];

describe("a result", () => {
  it.each(hostile)("that is %s is undecodable", (_, json) => {
    expect(() => readResult("id", json)).toThrow(UndecodableError);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it("of any JSON is read, or is undecodable, and nothing else happens", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(readState(json).state).toBe("pending");
        expect(readDeadLetter(json)).toBeUndefined();
        try {
          expect(readResult("id", json).ok).toBeTypeOf("boolean");
        } catch (error) {
          expect(error).toBeInstanceOf(UndecodableError);
        }
      }),
    );
  });

  it("is read as it was written", () => {
    const failure = { ok: false, reason: "do-not-retry", error: { name: "E", message: "m" }, attempts: 2 } as const;
    expect(readResult("id", writeResult(failure))).toEqual(failure);
    expect(readResult("id", writeResult({ ok: true, output: undefined }))).toEqual({ ok: true, output: undefined });
  });
});

describe("a dead letter", () => {
  const good = letter(message("x"));

  it("is read as it was written, however large its message is", () => {
    const large = { ...good, body: "x".repeat(5 * 1024 * 1024) };
    expect(readDeadLetter(JSON.stringify(large))).toEqual(large);
  });

  it.each([
    ["a priority that names another key", { priority: "5}:ready" }],
    ["a priority out of range", { priority: 10 }],
    ["no body", { body: undefined }],
    ["an error that is none", { error: "text" }],
    ["an odd time", { sentAt: "yesterday" }],
  ])("with %s is none", (_, changes) => {
    expect(readDeadLetter(JSON.stringify({ ...good, ...changes }))).toBeUndefined();
  });
});

test.each(["id", "actor", "v", "reply"])("an envelope whose %s is endless is undecodable", (name) => {
  const envelope = { id: "id", actor: "a.b", v: "0", at: 1, input: 1, [name]: "x".repeat(2000) };
  expect(() => decodeEnvelope(JSON.stringify(envelope))).toThrow(/is not a text of at most 1024 characters/);
});

test.each(["a b", "a\nb", "a\tb"])("an envelope whose id has a blank in it is undecodable: %j", (id) => {
  const envelope = { id, actor: "a.b", v: "0", at: 1, input: 1 };
  expect(() => decodeEnvelope(JSON.stringify(envelope))).toThrow(/"id" is missing or is not a text without blanks/);
});

type Any = Actor<{ input: number; output: unknown }>;
const any: Any = testActor("any", { input: z.number(), output: z.unknown() });

describe("an output", () => {
  it.each([
    ["too large", "x".repeat(2 * 1024 * 1024), /it cannot be stored: it has \d+ bytes and the limit is 1048576/],
    ["too deep", JSON.parse(deep), /it cannot be stored: it is nested deeper than 63 levels/],
    ["hostile", JSON.parse('{"__proto__":1}'), /it cannot be stored: it has a key named "__proto__"/],
  ])("that is %s ends as one that does not fit", async (_, output, text) => {
    const broker = memoryBroker();
    const logger = new TestLogger();
    const worker = createWorker(broker, { test: { any } }, { test: { any: () => output as unknown } }, { logger });
    await worker.start();
    const call = createActorClient<Any>(broker, any).call(1);
    await expect(call).rejects.toMatchObject({ reason: "invalid-output", attempts: 1 });
    await expect(call).rejects.toThrow(text);
    await worker.stop();
    await broker.close();
  });
});

describe("in Redis", () => {
  const prefix = `test:${randomUUID()}`;
  let redis: Redis;
  let broker: Broker;
  beforeEach(() => {
    redis = new Redis(inject("redisUrl"));
    broker = redisBroker(inject("redisUrl"), { prefix });
  });
  afterEach(async () => {
    redis.disconnect();
    await broker.close();
  });

  it.each(hostile.slice(1))("a stored result that is %s is told to its caller as undecodable", async (_, json) => {
    const sent = await createActorClient<Any>(broker, any).send(1);
    await redis.set(resultKeys(prefix, sent.id).result, json, "PX", 10_000);
    await expect(sent.result()).rejects.toBeInstanceOf(UndecodableError);
  });

  it("a dead letter that is none hides no other", async () => {
    const { dead, deadIndex } = queueKeys(prefix, "work");
    const good = letter(message("x"));
    for (const [id, json] of [
      ["bad", deep],
      ["worse", "{}"],
      [good.id, JSON.stringify(good)],
    ] as const) {
      await redis.hset(dead, id, json);
      await redis.zadd(deadIndex, 1, id);
    }
    expect((await broker.deadLetters.list("work")).map(({ id }) => id)).toEqual([good.id]);
    expect(await broker.deadLetters.replay("work", "bad")).toBe(false);
  });

  it("a message that names a channel of others as its address has nothing published there", async () => {
    const listener = new Redis(inject("redisUrl"));
    const heard: string[] = [];
    listener.on("message", (channel: string) => heard.push(channel));
    await listener.subscribe("others", `${prefix}:reply:own`);
    const result = { ok: true, output: 1 } as const;
    await broker.results.put("a", result, 1000, "others");
    await broker.results.put("b", result, 1000, `${prefix}:reply:own`);
    await expect.poll(() => heard).toEqual([`${prefix}:reply:own`]);
    listener.disconnect();
  });
});
