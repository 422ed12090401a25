/** Limits in Redis when something goes wrong: slots that are lost, releasers that die, keys that are left behind. */
import { randomUUID } from "node:crypto";
import { createActorClient, type Actor } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { createWorker, type Broker, type Task, type Worker } from "callboard/worker";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { z } from "zod";
import { limitKeys } from "../../runtime/brokers/redis/keys.js";
import { SlotLostError } from "../../runtime/vocabulary/errors.js";
import type { LimitStore } from "../../runtime/seams/limits.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

type Job = Actor<{ input: number; output: number }>;
const job = (options: object): Job => testActor("job", { input: z.number(), output: z.number(), ...options });
const patience = { timeout: "25s" } as const;
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe("limits in Redis", () => {
  let prefix: string;
  let redis: Redis;
  const brokers: Broker[] = [];
  const workers: Worker[] = [];

  beforeEach(() => {
    prefix = `test:${randomUUID()}`;
    redis = new Redis(inject("redisUrl"));
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await Promise.all(brokers.splice(0).map((broker) => broker.close()));
    redis.disconnect();
  });

  function connect(): Broker {
    const broker = redisBroker(inject("redisUrl"), { prefix, lease: "1.5s", sweepInterval: 250 });
    brokers.push(broker);
    return broker;
  }

  function storeOf(broker: Broker): LimitStore {
    if (broker.state === undefined) throw new Error("no store");
    return broker.state.limits;
  }

  async function work(actor: Job, handler: (n: number, task: Task) => unknown, broker = connect()): Promise<Worker> {
    const options = { logger: new TestLogger(), shutdownTimeout: 100 };
    const worker = createWorker(broker, { test: { job: actor } }, { test: { job: handler } }, options);
    workers.push(worker);
    await worker.start();
    return worker;
  }

  it("abort a holder whose slot was not renewed in time, and its message is given back without an attempt", async () => {
    const mutex = job({ concurrencyLimit: { limit: 1, lease: "1s" }, maxRetries: 0 });
    const reasons: unknown[] = [];
    const attempts: number[] = [];
    await work(mutex, async (n, { signal, message }) => {
      attempts.push(message.attempt);
      if (attempts.length > 1) return n;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      reasons.push(signal.reason);
      throw signal.reason;
    });
    const answer = createActorClient<Job>(connect(), mutex).call(7, patience);
    await eventually("a holder", () => attempts.length === 1);
    await redis.del(limitKeys(prefix, "test.job").slots(""));
    expect(await answer).toBe(7);
    expect(reasons).toEqual([expect.any(SlotLostError)]);
    expect(attempts).toEqual([1, 1]);
  });

  it("go on with all slots after one holder's lease when it dies, however busy the others are", async () => {
    const two = job({ concurrencyLimit: { limit: 2, lease: "1s" } });
    const doomed = connect();
    let held = 0;
    await work(two, () => (held++, new Promise(() => undefined)), doomed);
    const client = createActorClient<Job>(connect(), two);
    await client.send(-1);
    await eventually("a holder", () => held === 1);
    let [inside, most] = [0, 0];
    const handler = async (n: number) => {
      most = Math.max(most, ++inside);
      await sleep(20);
      inside--;
      return n;
    };
    // Its connection is gone, and with it what it would have renewed; its message is in other hands before the load is over.
    await doomed.close();
    await Promise.all([work(two, handler), work(two, handler)]);
    const sent = await client.sendMany(Array.from({ length: 150 }, (_, i) => i));
    await Promise.all(sent.map((message) => message.result(patience)));
    expect(most).toBe(2);
  });

  it("call a message again whose turn came when the one died who was to publish it", async () => {
    const mutex = job({ concurrencyLimit: 1 });
    const client = createActorClient<Job>(connect(), mutex);
    // A process holds the slot, parks what comes, gives the slot back, and dies.
    const dead = connect();
    const store = storeOf(dead);
    const scope = { name: mutex.name, concurrency: { limit: 1, lease: 60_000 }, reservation: 500 };
    const place = { token: randomUUID(), concurrencyKey: "" };
    await store.acquire(scope, place);
    const parking = await work(mutex, (n) => n);
    const message = await client.send(5);
    await eventually("it to be parked", async () => (await redis.hlen(limitKeys(prefix, mutex.name).parked)) === 1);
    await parking.stop();
    expect((await store.release(scope, place)).calls.map(({ id }) => id)).toEqual([message.id]);
    await dead.close();
    await work(mutex, (n) => n);
    expect(await message.result(patience)).toBe(5);
  });

  it("leave nothing behind that does not expire", async () => {
    const both = job({
      concurrencyLimit: { limit: 1, lease: "1s" },
      rateLimit: { limit: 5, per: 300, key: (n: unknown) => Number(n) % 2 },
    });
    await work(both, (n) => sleep(5).then(() => n));
    const sent = await createActorClient<Job>(connect(), both).sendMany(Array.from({ length: 20 }, (_, i) => i));
    await Promise.all(sent.map((message) => message.result(patience)));
    for (const key of await redis.keys(`${prefix}:{limit:*`)) expect(await redis.pttl(key), key).toBeGreaterThan(0);
    // The longest is how long a place is kept for one who was called.
    await eventually("all of it to be gone", async () => (await redis.keys(`${prefix}:{limit:*`)).length === 0);
  });

  it("handle each message once where many wait for one slot, taken by several workers", async () => {
    const mutex = job({ concurrencyLimit: 1 });
    const runs: number[] = [];
    let inside = 0;
    const handler = async (n: number) => {
      expect(++inside).toBe(1);
      runs.push(n);
      await sleep(1);
      inside--;
      return n;
    };
    for (let i = 0; i < 3; i++) await work(mutex, handler);
    const numbers = Array.from({ length: 300 }, (_, i) => i);
    const sent = await createActorClient<Job>(connect(), mutex).sendMany(numbers);
    expect(await Promise.all(sent.map((message) => message.result(patience)))).toEqual(numbers);
    expect(runs.toSorted((a, b) => a - b)).toEqual(numbers);
  });
});
