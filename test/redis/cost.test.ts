/** What the Redis broker asks of a server: commands when idle, connections, keys. */
import { randomUUID } from "node:crypto";
import { createActorClient } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { createWorker, type Broker, type Worker } from "callboard/worker";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { queueKeys } from "../../runtime/brokers/redis/keys.js";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

const double = testActor<{ input: number; output: number }>("double", { input: z.number(), output: z.number() });
const single = testActor<{ input: number }>("single", {
  input: z.number(),
  unique: { key: (n) => n as number, for: "1m" },
});

async function startWorker(broker: Broker): Promise<Worker> {
  const handlers = { test: { double: (n: number) => 2 * n } };
  const worker = createWorker(broker, { test: { double } }, handlers, { logger: new TestLogger() });
  await worker.start();
  return worker;
}

describe("the Redis broker", () => {
  let redis: RedisServer;
  let admin: Redis;
  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });

  const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await admin.info("stats"))?.[1]);
  const scriptCalls = async () => Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(await admin.info("commandstats"))?.[1]);
  const clients = async () => (String(await admin.client("LIST")).match(/name=callboard:\S+/g) ?? []).toSorted();

  it("costs an idle worker less than a command a second, and wakes at once all the same", async () => {
    const broker = redisBroker(redis.url, { prefix: randomUUID() });
    const worker = await startWorker(broker);
    await eventually("the worker to be well", () => worker.healthy);
    const client = createActorClient<typeof double>(broker, double);
    await client.call(1);

    const before = await commands();
    await new Promise((resolve) => setTimeout(resolve, 5000));
    // Scripts count with the commands inside them: a look at an empty queue is some twenty, all in one round trip.
    const [started, began] = [await scriptCalls(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const looks = (await scriptCalls()) - started;
    expect(looks).toBeLessThanOrEqual((performance.now() - began) / 1000 + 1);
    expect(await commands()).toBeGreaterThan(before);

    const latencies: number[] = [];
    for (let i = 0; i < 20; i++) {
      const sent = performance.now();
      await client.call(i);
      latencies.push(performance.now() - sent);
    }
    // Far below the idle poll of a second: it was woken.
    expect(latencies.toSorted((a, b) => a - b)[10]).toBeLessThan(250);
    await worker.stop();
    await broker.close();
  });

  it("uses one connection for the answers of a process, however many callers wait", async () => {
    const broker = redisBroker(redis.url, { prefix: randomUUID() });
    const client = createActorClient<typeof double>(broker, double);
    const calls = Array.from({ length: 200 }, (_, i) => client.call(i, { timeout: "25s" }));
    await eventually("the connections", async () => (await clients()).length >= 2);
    expect(await clients()).toEqual(["name=callboard:publish", "name=callboard:subscribe"]);
    const worker = await startWorker(broker);
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => 2 * i));
    expect(await clients()).toEqual(["name=callboard:consume", "name=callboard:publish", "name=callboard:subscribe"]);
    await worker.stop();
    await broker.close();
    await eventually("the connections to be gone", async () => (await clients()).length === 0);
  });

  it("sends unique messages of one turn in one command; one that the server refuses costs the others nothing", async () => {
    const prefix = randomUUID();
    const broker = redisBroker(redis.url, { prefix });
    const client = createActorClient<typeof single>(broker, single);
    await client.send(0);
    const started = await scriptCalls();
    const messages = await client.sendMany([1, 2, 3, 2]);
    expect((await scriptCalls()) - started).toBe(1);
    expect(messages[3]?.id).toBe(messages[1]?.id);

    await admin.set(queueKeys(prefix, "default").claim("unique:test.single:5"), "no claim");
    const sent = await Promise.allSettled([4, 5, 6].map((n) => client.send(n)));
    expect(sent.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(sent[1]).toMatchObject({ reason: { code: "BROKER_REFUSED", message: expect.stringMatching(/WRONGTYPE/) } });
    await broker.close();
  });

  it("leaves nothing behind but what expires", async () => {
    const prefix = randomUUID();
    const broker = redisBroker(redis.url, { prefix });
    const worker = await startWorker(broker);
    const client = createActorClient<typeof double>(broker, double);
    const messages = await client.sendMany(
      Array.from({ length: 50 }, (_, i) => i),
      { delay: 20 },
    );
    await Promise.all(messages.map((message) => message.result()));
    await worker.stop();
    await broker.close();
    const left = await admin.keys(`${prefix}*`);
    for (const key of left) expect([key, (await admin.pttl(key)) > 0]).toEqual([key, true]);
  });
});
