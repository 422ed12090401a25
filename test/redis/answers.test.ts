/** That on one Redis an answer is stored in one step with its message's ack: both, or neither. */
import { randomUUID } from "node:crypto";
import { RemoteFailureError } from "callboard";
import { createActorClient } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { createWorker, use, type Broker, type Middleware, type WorkerOptions } from "callboard/worker";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

const repeated = testActor<{ input: number; output: string }>("repeated", {
  input: z.number(),
  output: z.string(),
  queue: "work",
});

describe("an answer", () => {
  let redis: RedisServer;
  let admin: Redis;
  let broker: Broker;
  let prefix: string;
  let ends: (() => Promise<void>)[];
  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });
  beforeEach(() => {
    prefix = randomUUID();
    broker = redisBroker(redis.url, { prefix, lease: "2s", sweepInterval: "200ms" });
    ends = [() => broker.close()];
  });
  afterEach(async () => {
    for (const end of ends.toReversed()) await end();
  });

  async function work(handler: (n: number) => string | Promise<string>, options: WorkerOptions = {}) {
    const logger = new TestLogger();
    const handlers = { test: { repeated: handler } };
    const worker = createWorker(broker, { test: { repeated } }, handlers, { logger, ...options });
    ends.push(() => worker.stop());
    await worker.start();
    return logger;
  }

  const client = () => createActorClient<typeof repeated>(broker, repeated);

  it("travels with the ack: no command of its own stores it", async () => {
    await work((n) => `${n}`);
    expect(await client().call(1)).toBe("1");
    const monitor = await admin.monitor();
    const written: string[] = [];
    monitor.on("monitor", (_time: string, args: readonly string[], source: string) => {
      if (source !== "lua" && args.some((arg) => arg.endsWith(":result"))) written.push(args.join(" "));
    });
    expect(await client().call(2)).toBe("2");
    await eventually("the monitor", () => written.length > 0);
    monitor.disconnect();
    expect(written).toHaveLength(1);
    // The same call renews the lease and acks.
    expect(written[0]).toContain(`${prefix}:{work}:leases`);
  });

  it("comes whole where many are large", async () => {
    await work((n) => String(n).repeat(300_000));
    const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => client().call(n)));
    expect(answers.map((answer) => [answer[0], answer.length])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [String(n), 300_000]),
    );
  });

  it("is not stored where the message is in other hands: that of the next attempt is", async () => {
    let go: (() => void) | undefined;
    let runs = 0;
    const logger = await work(async () => {
      if (++runs === 1) await new Promise<void>((resolve) => (go = resolve));
      return `run ${runs}`;
    });
    const message = await client().send(1);
    await eventually("the handler", () => go !== undefined);
    await admin.del(`${prefix}:{work}:leases`);
    go?.();
    expect(await message.result({ timeout: "20s" })).toBe("run 2");
    expect(logger.messages("warn").join()).toMatch(/lease lost|too late/);
  });

  it("is not stored where a middleware makes a failure of it: that is what its caller learns", async () => {
    const veto: Middleware = async (_, next) => {
      const outcome = await next();
      if (outcome.kind !== "done") return outcome;
      return { kind: "dead", reason: "do-not-retry", error: { name: "Vetoed", message: "not so" }, attempts: 1 };
    };
    await work((n) => `${n}`, { middleware: [use(veto, { before: "results" })] });
    const failure: unknown = await client()
      .call(1)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RemoteFailureError);
    expect(failure).toMatchObject({ remote: { name: "Vetoed" } });
    await eventually(
      "the dead letter",
      async () => (await broker.deadLetters.list("work"))[0]?.error.name === "Vetoed",
    );
  });
});
