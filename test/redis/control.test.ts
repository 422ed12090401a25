/** What becomes of cancelled and tracked messages between processes, on a Redis server of their own, and what they cost. */
import { randomUUID } from "node:crypto";
import { CancelledError } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { createWorker, type ProgressTask, type Task, type Worker } from "callboard/worker";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import { queueKeys, recordKeys } from "../../runtime/brokers/redis/keys.js";
import { scripts } from "../../runtime/brokers/redis/scripts.js";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { step } from "../fixtures/step.js";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";
import { bundleProgram, TestProcess } from "../support/process.js";

type Copy = Actor<{ input: number; output: number }>;
const copy: Copy = testActor("copy", { input: z.number(), output: z.number() });
type Climb = Actor<{ input: number; progress: number; tracked: true }>;
const climb: Climb = testActor("climb", { input: z.number(), progress: z.number(), resultTtl: 60_000 });
type Tracked = Actor<{ input: number; output: number; tracked: true }>;
const tracked: Tracked = testActor("tracked", { input: z.number(), output: z.number(), track: true });

/** How long the lease is where a test waits for what comes with its renewal, in milliseconds. */
const SHORT_LEASE = 1500;

describe("single messages on Redis", () => {
  let redis: RedisServer;
  let admin: Redis;
  let prefix: string;
  let broker: Broker;
  const workers: Worker[] = [];
  const processes: TestProcess[] = [];
  const logger = new TestLogger();

  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });
  beforeEach(() => {
    prefix = `test:${randomUUID()}`;
    broker = redisBroker(redis.url, { prefix });
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((each) => each.end()));
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await broker.close();
  });

  async function work(handlers: object, concurrency = 10): Promise<void> {
    const worker = createWorker(
      broker,
      { test: { copy, climb, tracked } },
      { test: handlers },
      { logger, concurrency },
    );
    workers.push(worker);
    await worker.start();
    await eventually("the worker to be well", () => worker.healthy);
  }

  /** How often each command was sent or called by a script. */
  async function calls(): Promise<ReadonlyMap<string, number>> {
    const stats = await admin.info("commandstats");
    return new Map([...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name = "", n]) => [name, Number(n)]));
  }

  async function callsOf(work: () => Promise<unknown>): Promise<ReadonlyMap<string, number>> {
    const before = await calls();
    await work();
    return new Map([...(await calls())].map(([name, n]) => [name, n - (before.get(name) ?? 0)]));
  }

  it("are cancelled in a process of their own by a word, and wait for no heartbeat", async () => {
    const program = await bundleProgram("fixtures/worker");
    // Who hears no word would learn of it after a third of the lease.
    const args = [redis.url, prefix, "3600000", "5000", "stuck"];
    const busy = [1, 2].map(() => new TestProcess(program, args));
    processes.push(...busy);
    await Promise.all(busy.map((each) => each.printed("ready")));
    const client = createActorClient<typeof step>(broker, step);
    const messages = await client.sendMany(Array.from({ length: 25 }, (_, n) => ({ n })));
    const lines = () => busy.flatMap((each) => each.lines);
    await eventually("twenty to run", () => lines().filter((line) => line.startsWith("began")).length === 20);

    const waiting = messages.map((message) => message.result({ timeout: "25s" }));
    const rejected = Promise.all(waiting.map((each) => expect(each).rejects.toThrow(CancelledError)));
    const answers = await Promise.all(messages.map((message) => message.cancel()));
    expect(answers.filter((answer) => answer === "cancelling")).toHaveLength(20);
    expect(answers.filter((answer) => answer === "cancelled")).toHaveLength(5);
    await rejected;
    await eventually("all signals", () => lines().filter((line) => line.endsWith("CANCELLED")).length === 20);
  });

  it("are cancelled where no word arrives: those that run by the heartbeat, those that are taken later at once", async () => {
    await broker.close();
    broker = redisBroker(redis.url, { prefix, lease: SHORT_LEASE });
    const ran: number[] = [];
    let aborted: unknown;
    const handlers = {
      climb: () => undefined,
      tracked: (n: number) => n,
      copy: async (n: number, { signal }: Task) => {
        ran.push(n);
        if (n !== 1) return n;
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        aborted = signal.reason as unknown;
        return n;
      },
    };
    await work(handlers, 1);
    const client = createActorClient<Copy>(broker, copy);
    const running = await client.send(1);
    await eventually("it to run", () => ran.length === 1);
    // There is no slot for it before the other one has ended.
    const waiting = await client.send(2);
    const keys = queueKeys(prefix, "default");
    const { cancelled, cancels, deadIndex, leases, consumers, suspects, running: hash } = keys;
    // As cancel() does, but on a channel that nobody hears.
    const found = await scripts.cancel.run(
      admin,
      [cancelled, cancels, deadIndex, leases, consumers, suspects.leases, suspects.consumers],
      ["nowhere", hash(""), suspects.running(""), running.id, 60_000, waiting.id, 60_000],
    );
    expect(found).toEqual([2, 1]);
    await eventually("the abort", () => aborted !== undefined);
    expect(aborted).toBeInstanceOf(CancelledError);
    await expect(waiting.result({ timeout: "20s" })).rejects.toThrow(CancelledError);
    expect(ran).toEqual([1]);
  });

  it("cost no command more where they are not tracked, and nothing is cancelled", async () => {
    const count = 2000;
    await work({ copy: (n: number) => n, climb: () => undefined, tracked: (n: number) => n }, 100);
    const client = createActorClient<Copy>(broker, copy);
    await client.call(1);
    const counts = await callsOf(async () => {
      const messages = await client.sendMany(Array.from({ length: count }, (_, n) => n));
      await Promise.all(messages.map((message) => message.result({ timeout: "25s" })));
    });
    const batches = counts.get("zrangebyscore") ?? 0;
    expect(batches).toBeLessThan(count / 4);
    // One look at the version for each call that takes, and at the lease; no status, no list of what is cancelled.
    expect(counts.get("zscore") ?? 0).toBeLessThan(4 * batches + 40);
    for (const key of await admin.keys(`${prefix}*`)) expect(key).not.toMatch(/cancel|status|progress/);
  });

  it("cost three commands where they are tracked", async () => {
    const count = 500;
    await work({ copy: (n: number) => n, climb: () => undefined, tracked: (n: number) => n }, 100);
    const clients = [createActorClient<Copy>(broker, copy), createActorClient<Tracked>(broker, tracked)];
    const sets: number[] = [];
    for (const client of clients) {
      await client.call(1);
      const counts = await callsOf(async () => {
        const messages = await client.sendMany(Array.from({ length: count }, (_, n) => n));
        await Promise.all(messages.map((message) => message.result({ timeout: "25s" })));
      });
      sets.push(counts.get("set") ?? 0);
    }
    const [without = 0, tracking = 0] = sets;
    // One for its sending, its beginning and its end.
    expect(tracking - without).toBe(3 * count);
  });

  it("tell a thousand reports in a few commands", async () => {
    const reports = 1000;
    await work({
      copy: (n: number) => n,
      tracked: (n: number) => n,
      climb: async (to: number, task: ProgressTask<number>) => {
        for (let i = 1; i <= to; i++) {
          task.progress(i);
          if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
        }
      },
    });
    const client = createActorClient<Climb>(broker, climb);
    const seen: number[] = [];
    const started = performance.now();
    const counts = await callsOf(async () => {
      for await (const value of (await client.send(reports)).progress()) seen.push(value);
    });
    const tenths = (performance.now() - started) / defaults.control.progressInterval;
    expect(seen.at(-1)).toBe(reports);
    // At once, then at most one in a tenth of a second, and the last; beside them the three steps of the message.
    expect(counts.get("set") ?? 0).toBeLessThanOrEqual(tenths + 2 + 3);
  });

  it("leave records that expire, and forget cancelled ones that were met", async () => {
    const client = createActorClient<Copy>(broker, copy);
    const { cancelled, cancels } = queueKeys(prefix, "default");
    const { keepCancelled, keepMet } = defaults.control;
    const met = await client.send(1);
    const later = await client.send(2, { delay: "10d" });
    await Promise.all([met.cancel(), later.cancel()]);
    const left = async (id: string) => Number(await admin.zscore(cancelled, id)) - Date.now();
    const near = (actual: number, expected: number) => expect(Math.abs(actual - expected)).toBeLessThan(60_000);
    near(await left(met.id), keepCancelled);
    near(await left(later.id), keepCancelled + 10 * 86_400_000);
    for (const key of [cancelled, cancels]) near(await admin.pttl(key), keepCancelled + 10 * 86_400_000);

    const climbing = await createActorClient<Climb>(broker, climb).send(5);
    await work({
      copy: (n: number) => n,
      climb: (n: number, task: ProgressTask<number>) => task.progress(n),
      tracked: () => 1,
    });
    await eventually("it to be met", async () => (await left(met.id)) < keepMet + 60_000);
    near(await left(met.id), keepMet);
    await eventually("the end", async () => (await climbing.status()).state === "done");
    const { status, progress } = recordKeys(prefix, climbing.id);
    near(await admin.pttl(status), 60_000);
    near(await admin.pttl(progress), defaults.actor.timeLimit + 60_000);

    // What has expired goes with the next that is cancelled.
    await admin.zadd(cancelled, 1, met.id);
    await (await client.send(3)).cancel();
    expect(await admin.zscore(cancelled, met.id)).toBeNull();
    expect(await admin.zscore(cancels, met.id)).toBeNull();
  });
});
