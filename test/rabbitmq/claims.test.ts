/** Keys on RabbitMQ whose sender dies between the two steps of a sending. */
import { randomUUID } from "node:crypto";
import { createActorClient, type Actor } from "callboard/client";
import { redisState } from "callboard/redis";
import { createWorker } from "callboard/worker";
import { expect, inject, onTestFinished, test } from "vitest";
import { z } from "zod";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";
import { openBackend } from "./backend.js";

type Job = Actor<{ input: { n: number } }>;
const job: Job = testActor("job", { input: z.object({ n: z.number() }), unique: { key: () => "k", for: "1h" } });

async function open() {
  const prefix = `test:${randomUUID()}`;
  const backend = await openBackend(inject("rabbitmqUrl"));
  onTestFinished(() => backend.close());
  return {
    proxy: backend.proxy,
    connect: () => backend.connect({ state: redisState(inject("redisUrl"), { prefix }) }),
    /** A broker whose process dies before it says that a message was sent. */
    connectDoomed() {
      const state = redisState(inject("redisUrl"), { prefix });
      if (state.claims === undefined) throw new Error("there is a store of claims");
      state.claims.confirm = () => new Promise(() => undefined);
      return backend.connect({ state });
    },
  };
}

test("a message whose sender died has its key from when a worker has it, and gives it back at its end", async () => {
  const { connect, connectDoomed } = await open();
  const ran: number[] = [];
  let end: () => void = () => undefined;
  const handler = async ({ n }: { n: number }) => {
    ran.push(n);
    if (n === 1) await new Promise<void>((resolve) => (end = resolve));
  };
  const worker = createWorker(connect(), { test: { job } }, { test: { job: handler } }, { logger: new TestLogger() });
  onTestFinished(() => worker.stop());
  await worker.start();
  void createActorClient<Job>(connectDoomed(), job).send({ n: 1 });
  await eventually("the first message", () => ran.length === 1);
  const client = createActorClient<Job>(connect(), job);
  const [second, third] = [await client.send({ n: 2 }), await client.send({ n: 3 })];
  expect(second.id).toBe(third.id);
  end();
  await eventually("the key to be free", async () => (await client.send({ n: 4 })).id !== second.id);
  await eventually("the last message", () => ran.length === 2);
  expect(ran).toEqual([1, 4]);
});

test("a key is free at once where the server could not be reached", async () => {
  const { connect, proxy } = await open();
  const client = createActorClient<Job>(connect(), job);
  await proxy.sever();
  const failures = await Promise.allSettled([client.send({ n: 1 }), client.send({ n: 2 })]);
  expect(failures).toMatchObject([1, 2].map(() => ({ status: "rejected", reason: { unsent: true } })));
  proxy.restore();
  const asked = performance.now();
  await eventually(
    "the server to be back",
    async () => (await client.send({ n: 3 }).catch(() => undefined)) !== undefined,
  );
  expect(performance.now() - asked).toBeLessThan(defaults.broker.publishTimeout);
});
