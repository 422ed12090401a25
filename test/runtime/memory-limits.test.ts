/** Limits in memory leave nothing behind: neither what had its time, nor a scope in which nothing happens. */
import { concurrencyLimiter, rateLimiter, RateLimitedError } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { createWorker, type Worker } from "callboard/worker";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { MemoryBackend, memoryBroker } from "../../runtime/brokers/memory/index.js";
import type { LimitStore } from "../../runtime/seams/limits.js";
import { MovableClock } from "../../runtime/testing/clock.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually, turn } from "../support/eventually.js";

type Job = Actor<{ input: number; output: number }>;

let clock: MovableClock;
let backend: MemoryBackend;
const workers: Worker[] = [];

beforeEach(() => {
  clock = new MovableClock();
  backend = new MemoryBackend(clock);
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
});

const broker = () => memoryBroker({ backend });
const scopes = () => [...backend.limits.keys()];

test("a slot that is given back leaves nothing, and one whose holder is gone nothing after its lease", async () => {
  const limiter = concurrencyLimiter(broker(), "till", { limit: 1, lease: "10s" });
  await limiter.run(() => expect(scopes()).toEqual(["hand:till"]));
  expect(scopes()).toEqual([]);
  const store: LimitStore | undefined = broker().state?.limits;
  const scope = { name: "gone", concurrency: { limit: 1, lease: 10_000 }, reservation: 1000 };
  for (const key of ["a", "b"]) await store?.acquire(scope, { token: key, concurrencyKey: key });
  await clock.pass(6_000);
  await store?.renew(scope, [{ token: "b", concurrencyKey: "b" }]);
  await clock.pass(6_000);
  expect([...(backend.limits.get("gone")?.slots.keys() ?? [])]).toEqual(["b"]);
  await clock.pass(4_000);
  expect(scopes()).toEqual([]);
});

test.each(["window", "bucket"] as const)("the starts of a %s are forgotten when they no longer count", async (kind) => {
  const limiter = rateLimiter(broker(), "vendor", { limit: 2, per: "1m", kind });
  await limiter.acquire();
  await limiter.acquire();
  await expect(limiter.acquire()).rejects.toThrow(RateLimitedError);
  await clock.pass(29_000);
  expect(scopes()).toEqual(["hand:vendor"]);
  await clock.pass(40_000);
  expect(scopes()).toEqual([]);
});

test("whoever waits keeps a scope, and takes it along when he gives up", async () => {
  const limiter = concurrencyLimiter(broker(), "till", { limit: 1, lease: "10s" });
  const slot = await limiter.acquire();
  const waiting = limiter.acquire({ timeout: "1m" });
  await turn();
  await slot.release();
  const second = await waiting;
  const giving = limiter.acquire({ timeout: "1s" }).catch((error: unknown) => error);
  await turn();
  await clock.pass(1_000);
  expect(await giving).toBeInstanceOf(RateLimitedError);
  await second.release();
  expect(scopes()).toEqual([]);
});

test("an actor's messages leave nothing when they are through, each key and each call included", async () => {
  const job: Job = testActor("job", {
    ...{ input: z.number(), output: z.number() },
    concurrencyLimit: { limit: 1, key: (n: number) => n % 3 },
    rateLimit: { limit: 5, per: "10s", key: (n: number) => n % 2 },
  });
  const handlers = { test: { job: async (n: number) => (await turn(), n) } };
  const worker = createWorker(broker(), { test: { job } }, handlers, { logger: new TestLogger() }, { clock });
  workers.push(worker);
  await worker.start();
  const sent = await createActorClient<Job>(broker(), job).sendMany(Array.from({ length: 30 }, (_, n) => n));
  let done = 0;
  for (const message of sent) void message.result({ timeout: "10m" }).then(() => done++);
  await eventually("all of them", async () => (await clock.pass(500), done === sent.length));
  await clock.pass(60_000);
  await eventually("nothing to be left", async () => (await clock.pass(100), scopes().length === 0));
});
