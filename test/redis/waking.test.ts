/** That a Redis consumer which found its queue empty is woken, whatever it had to see to before. */
import { randomUUID } from "node:crypto";
import { createActorClient } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { createWorker } from "callboard/worker";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { TestLogger, testActor } from "../support/actors.js";

/** So many consumers share the idle polls that one which is not woken looks only after 20 seconds. */
const queues = Array.from({ length: 12 }, (_, i) => `queue-${i}`);
const actors = Object.fromEntries(
  queues.map((queue) => [
    queue,
    testActor<{ input: number; output: number }>(queue, { input: z.number(), output: z.number(), queue }),
  ]),
);
const handlers = Object.fromEntries(queues.map((queue) => [queue, (n: number) => n]));

describe("a Redis consumer", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it("that was woken while its connections were new is woken the next time, too", async () => {
    for (let i = 0; i < 6; i++) {
      const broker = redisBroker(redis.url, { prefix: randomUUID(), lease: "60s" });
      const worker = createWorker(broker, { test: actors }, { test: handlers }, { logger: new TestLogger() });
      await worker.start();
      const clients = Object.values(actors).map((actor) => createActorClient(broker, actor));
      for (let round = 0; round < 3; round++) {
        for (const client of clients) {
          // Several in one turn are told by a word, and not handed over.
          const answers = await Promise.all([1, 2, 3].map((n) => client.call(n, { timeout: "10s" })));
          expect(answers).toEqual([1, 2, 3]);
        }
      }
      await worker.stop();
      await broker.close();
    }
  });
});
