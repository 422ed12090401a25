/** Dramatiq's cases on a real Redis, and those that only a Redis has. */
import { randomUUID } from "node:crypto";
import { createActorClient } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { createWorker } from "callboard/worker";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import { queueKeys } from "../../runtime/brokers/redis/keys.js";
import { letter, message } from "../conformance/broker.js";
import { redisHarness } from "../conformance/redis-harness.js";
import { TestLogger, testActor } from "../support/actors.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually } from "../support/eventually.js";
import { Proxy } from "../support/proxy.js";
import { describeCases } from "./cases.js";

describeCases(
  "redis",
  redisHarness(() => inject("redisUrl")),
);

describe("redis alone: Dramatiq's case", () => {
  const MANY = 15_998;
  const HOUR = 60 * 60_000;
  let redis: Redis;
  let prefix: string;
  const brokers: Broker[] = [];

  beforeAll(() => void (redis = new Redis(inject("redisUrl"))));
  afterAll(() => redis.disconnect());
  beforeEach(() => void (prefix = `test:${randomUUID()}`));
  afterEach(async () => {
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
    const left = await redis.keys(`${prefix}*`);
    if (left.length > 0) await redis.unlink(...left);
  });

  /** Connects as one more process would. */
  function connect(options: Parameters<typeof redisBroker>[1] = {}, url = inject("redisUrl")): Broker {
    const broker = redisBroker(url, { prefix, ...options });
    brokers.push(broker);
    return broker;
  }

  it("7: 15,998 messages of a dead consumer are all given back by one recovery, none lost and none twice", async () => {
    const keys = queueKeys(prefix, "work");
    // What a consumer leaves that took them and was killed long ago.
    const entries = Array.from({ length: MANY }, (_, i): [string, string] => [String(i * 10 + 5), message(i).body]);
    for (let i = 0; i < MANY; i += 1000) await redis.hset(keys.running("dead"), new Map(entries.slice(i, i + 1000)));
    await redis.sadd(keys.consumers, "dead");
    await redis.zadd(keys.leases, 1, "dead");

    // A consumer without a free slot: it sweeps and takes nothing.
    const sweeping = new TestConsumer(connect({ sweepInterval: 200 }), "work", 0);
    await eventually("the recovery", async () => (await redis.exists(keys.running("dead"))) === 0);
    await sweeping.consumer.close();
    const bodies = await redis.lrange(keys.ready(5), 0, "-1");
    const inputs = bodies.map((body) => (JSON.parse(body) as { input: number; crashes: number }).input);
    expect(inputs.length).toBe(MANY);
    expect(inputs.toReversed()).toEqual(Array.from({ length: MANY }, (_, i) => i));
  });

  it("8: 15,998 dead letters whose time is over are all removed by one cleanup, and no other", async () => {
    const keys = queueKeys(prefix, "work");
    const bury = async (ids: readonly string[], age: number) => {
      const diedAt = Date.now() - age;
      await redis.hset(keys.dead, new Map(ids.map((id) => [id, JSON.stringify(letter(message(0, { id })))])));
      await redis.zadd(keys.deadIndex, ...ids.flatMap((id) => [diedAt, id]));
    };
    const old = Array.from({ length: MANY }, (_, i) => `old-${i}`);
    for (let i = 0; i < MANY; i += 1000) await bury(old.slice(i, i + 1000), 8 * 24 * HOUR);
    await bury(["young"], HOUR);
    const sweeping = new TestConsumer(connect({ sweepInterval: 5000 }), "work", 0);
    // A sweep takes a thousand at a time: with one pause for each it would be more than a minute.
    await eventually("all of them to go", async () => (await redis.hlen(keys.dead)) === 1, 20_000);
    await sweeping.consumer.close();
    expect(await redis.hkeys(keys.dead)).toEqual(["young"]);
    expect(await redis.zcard(keys.deadIndex)).toBe(1);
  });

  it("10: acks whose connection ends while they are under way are made up for, and nothing stays in hand", async () => {
    const proxy = await Proxy.open(inject("redisUrl"));
    const actor = testActor<{ input: number }>("work", { input: z.number() });
    const seen = new Set<number>();
    const worker = createWorker(
      connect({ lease: 2000, sweepInterval: 250 }, proxy.url),
      { test: { work: actor } },
      {
        test: {
          work: async (input: number) => {
            seen.add(input);
            // The acks of what is done leave at the end of this turn: some of them meet a connection that ends.
            if (input % 100 === 50) setImmediate(() => void proxy.cut());
          },
        },
      },
      { logger: new TestLogger() },
    );
    await worker.start();
    const sending = connect();
    const client = createActorClient<typeof actor>(sending, actor);
    await client.sendMany(Array.from({ length: 500 }, (_, i) => i));
    await eventually("all messages", () => seen.size === 500);
    await eventually("an empty queue", async () => {
      const stats = await sending.operations?.stats("default");
      return stats?.waiting === 0 && stats.running === 0 && worker.running === 0;
    });
    expect((await sending.operations?.stats("default"))?.dead).toBe(0);
    await worker.stop();
    await proxy.close();
  });

  it("B3: a delayed message is handled by a worker whose connection was lost meanwhile and came back by itself", async () => {
    const proxy = await Proxy.open(inject("redisUrl"));
    const actor = testActor<{ input: number }>("work", { input: z.number() });
    const seen: number[] = [];
    const handlers = { test: { work: (input: number) => seen.push(input) } };
    const worker = createWorker(connect({}, proxy.url), { test: { work: actor } }, handlers, {
      logger: new TestLogger(),
    });
    await worker.start();
    await eventually("the worker to fetch", () => worker.healthy);
    await createActorClient<typeof actor>(connect(), actor).send(1, { delay: "1s" });
    await proxy.sever();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(seen).toEqual([]);
    proxy.restore();
    await eventually("the message", () => seen.length === 1);
    await worker.stop();
    await proxy.close();
  });
});
