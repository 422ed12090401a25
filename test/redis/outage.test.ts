/** What a server's faults look like from outside: no loss, a worker that goes on, and one clear line. */
import {
  actor,
  BrokerRefusedError,
  BrokerUnavailableError,
  InvalidOptionError,
  type ExhaustedMessage,
} from "callboard";
import { createActorClient, defineActor } from "callboard/client";
import { redisBroker, type RedisBrokerOptions } from "callboard/redis";
import { createWorker, type Task } from "callboard/worker";
import { Cluster, Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { inspect } from "node:util";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import { redisAddress } from "../../runtime/brokers/redis/address.js";
import { RedisConnection } from "../../runtime/brokers/redis/connection.js";
import type { Worker } from "../../runtime/worker/worker.js";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

const double = testActor<{ input: number; output: number }>("double", { input: z.number(), output: z.number() });
const patience = { timeout: "25s" } as const;

describe("the Redis broker in an outage", () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function server(options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> {
    const started = await startRedis(options);
    ends.push(() => started.stop());
    return started;
  }

  function connect(url: string, options: RedisBrokerOptions = {}): Broker {
    const broker = redisBroker(url, { lease: 3000, sweepInterval: 500, ...options });
    ends.push(() => broker.close());
    return broker;
  }

  async function work(broker: Broker, handler: (n: number) => number | Promise<number>): Promise<[Worker, TestLogger]> {
    const logger = new TestLogger();
    const options = { logger, concurrency: 10, shutdownTimeout: 100 };
    const worker = createWorker(broker, { test: { double } }, { test: { double: handler } }, options);
    ends.push(() => worker.stop());
    await worker.start();
    return [worker, logger];
  }

  it("loses nothing when the server is killed under load and comes back, and the worker goes on by itself", async () => {
    const redis = await server({ appendonly: true });
    const seen = new Map<number, number>();
    const [worker] = await work(connect(redis.url), (n) => {
      seen.set(n, (seen.get(n) ?? 0) + 1);
      return 2 * n;
    });
    const client = createActorClient<typeof double>(connect(redis.url), double);
    const accepted: number[] = [];
    let sending = true;
    const load = (async () => {
      for (let n = 0; sending; n++) {
        await client.send(n).then(
          () => accepted.push(n),
          () => undefined,
        );
      }
    })();
    try {
      await eventually("some messages", () => seen.size > 200);
      await redis.kill();
      await eventually("the worker to notice", () => !worker.healthy);
      await redis.restart();
      await eventually("the worker to be well again", () => worker.healthy);
      const before = seen.size;
      await eventually("more messages", () => seen.size > before + 200);
    } finally {
      // A loop of sends that are refused at once would leave no turn to anybody else.
      sending = false;
    }
    await load;
    await eventually("every accepted message to be handled", () => accepted.every((n) => seen.has(n)));
  });

  it("answers a caller who waited through a loss of every connection", async () => {
    const redis = await server();
    const finish = new Set<() => void>();
    await work(connect(redis.url), (n) => new Promise((resolve) => finish.add(() => resolve(2 * n))));
    const client = createActorClient<typeof double>(connect(redis.url), double);
    const called = client.call(4, patience);
    const message = await client.send(5);
    const asked = message.result(patience);
    await eventually("both handlers", () => finish.size === 2);

    const admin = new Redis(redis.url);
    await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
    await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    admin.disconnect();
    for (const each of finish) each();
    expect(await Promise.all([called, asked])).toEqual([8, 10]);
  });

  it("is fetching again after a connection went silent without an end", async () => {
    const redis = await server();
    const [worker] = await work(connect(redis.url), (n) => 2 * n);
    const client = createActorClient<typeof double>(connect(redis.url), double);
    expect(await client.call(1, patience)).toBe(2);
    redis.pause();
    await eventually("the worker to notice", () => !worker.healthy);
    redis.resume();
    expect(await client.call(2, patience)).toBe(4);
    await eventually("the worker to be well again", () => worker.healthy);
  });

  it("keeps a message whose handler fails exactly while the server is down", async () => {
    const redis = await server({ appendonly: true });
    let runs = 0;
    let fail: () => void = () => undefined;
    await work(connect(redis.url), (n) => {
      if (++runs > 1) return 2 * n;
      return new Promise((_, reject) => (fail = () => reject(new Error("at the worst moment"))));
    });
    const message = await createActorClient<typeof double>(connect(redis.url), double).send(21);
    await eventually("the handler", () => runs === 1);
    await redis.kill();
    fail();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await redis.restart();
    expect(await message.result(patience)).toBe(42);
  });

  it("B1: keeps the failures of a message, and tells of exhausted retries, though each attempt fails while the server is down", async () => {
    const redis = await server({ appendonly: true });
    const told: ExhaustedMessage<number>[] = [];
    const givenUp = actor({ input: z.custom<ExhaustedMessage<number>>() });
    const declared = actor({ input: z.number(), maxRetries: 1, minBackoff: 20, onRetryExhausted: givenUp });
    const actors = {
      failing: defineActor<{ input: number }>(declared, { name: "test.failing", fingerprint: "00000000" }),
      givenUp: defineActor(givenUp, { name: "test.givenUp", fingerprint: "00000000" }),
    };
    let fail: (() => void) | undefined;
    const broker = connect(redis.url);
    const worker = createWorker(
      broker,
      { test: actors },
      {
        test: {
          failing: (_: number, { message: { attempt } }: Task) =>
            new Promise((_resolve, reject) => (fail = () => reject(new Error(`no ${attempt}`)))),
          givenUp: (message: ExhaustedMessage<number>) => told.push(message),
        },
      },
      { logger: new TestLogger(), shutdownTimeout: 100 },
    );
    ends.push(() => worker.stop());
    await worker.start();
    const { id } = await createActorClient<typeof actors.failing>(broker, actors.failing).send(7);
    for (const attempt of [1, 2]) {
      await eventually(`attempt ${attempt}`, () => fail !== undefined);
      await redis.kill();
      fail?.();
      fail = undefined;
      await eventually("the worker to notice", () => !worker.healthy);
      await redis.restart();
    }
    await eventually("the dead letter", async () => (await broker.deadLetters.list("default")).length > 0);
    await eventually("the one who is told", () => told.length > 0);
    expect(told).toMatchObject([{ id, actor: "test.failing", attempts: 2, input: 7, error: { message: "no 2" } }]);
    expect(await broker.deadLetters.list("default")).toMatchObject([
      { id, attempts: 2, failures: [{ message: "no 1" }, { message: "no 2" }] },
    ]);
  });

  it("outlives a socket that fails twice, as one with TLS may", async () => {
    const redis = await server();
    const role = { use: "publish", patience: 5000, whenDown: "wait" } as const;
    const connection = new RedisConnection(redisAddress(redis.url), role);
    ends.push(() => connection.close());
    const ping = () => connection.command((client) => client.ping());
    expect(await ping()).toBe("PONG");
    const client = connection.redis;
    if (client instanceof Cluster) throw new Error("this is one server");
    const { stream } = client;
    stream.emit("error", new Error("write EPIPE"));
    stream.emit("error", new Error("tlsv1 alert decode error"));
    stream.destroy();
    expect(await ping()).toBe("PONG");
  });

  it("sends its scripts again to a server that has lost them", async () => {
    const redis = await server();
    await work(connect(redis.url), (n) => 2 * n);
    const client = createActorClient<typeof double>(connect(redis.url), double);
    expect(await client.call(1, patience)).toBe(2);
    const admin = new Redis(redis.url);
    await admin.script("FLUSH");
    admin.disconnect();
    expect(await client.call(2, patience)).toBe(4);
  });

  it("waits for a server that is down at the start, and says where it looks", async () => {
    const redis = await server();
    await redis.kill();
    const [worker, logger] = await work(connect(redis.url), (n) => 2 * n);
    await eventually("one line", () => logger.messages("warn").length > 0);
    expect(logger.messages("warn")).toHaveLength(1);
    expect(logger.messages("warn")[0]).toContain(`redis 127.0.0.1:${redis.port}/0 cannot be reached`);
    expect(worker.healthy).toBe(false);
    await redis.restart();
    const client = createActorClient<typeof double>(connect(redis.url), double);
    expect(await client.call(3, patience)).toBe(6);
  });

  it("rejects a send to a server that is down, and names the host", async () => {
    const redis = await server();
    await redis.kill();
    const client = createActorClient<typeof double>(connect(redis.url), double);
    const sent = client.send(1);
    await expect(sent).rejects.toThrow(BrokerUnavailableError);
    await expect(sent).rejects.toThrow(`redis 127.0.0.1:${redis.port}/0 cannot be reached`);
  });

  it("rejects a send that nobody answers in time", async () => {
    const redis = await server();
    const client = createActorClient<typeof double>(connect(redis.url, { publishTimeout: 500 }), double);
    await client.send(1);
    redis.pause();
    await expect(client.send(2)).rejects.toThrow(BrokerUnavailableError);
    redis.resume();
  });

  it("says that a password was refused, and never shows it", async () => {
    const redis = await server({ password: "correct horse" });
    const wrong = redis.url.replace("correct%20horse", "battery-staple");
    const [worker, logger] = await work(connect(wrong), (n) => n);
    await eventually("one line", () => logger.lines.some(({ level }) => level === "warn" || level === "error"));
    const sent = createActorClient<typeof double>(connect(wrong), double).send(1);
    const error = await sent.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BrokerRefusedError);
    expect(String(error)).toContain(`redis 127.0.0.1:${redis.port}/0`);
    expect(String(error)).toMatch(/WRONGPASS|password/i);
    expect(JSON.stringify(logger.lines) + String(error)).not.toContain("battery-staple");
    expect(worker.healthy).toBe(false);
  });

  it("says that a database does not exist, and never writes into another one", async () => {
    const redis = await server();
    const client = createActorClient<typeof double>(connect(redis.url.replace(/\/?$/, "/99")), double);
    const error = await client.send(1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BrokerRefusedError);
    expect(String(error)).toContain("/99 refused: ERR DB index is out of range");
    const admin = new Redis(redis.url);
    expect(await admin.dbsize()).toBe(0);
    admin.disconnect();
  });

  it("settles an attempt that passed its time limit while the server was down", async () => {
    const redis = await server({ appendonly: true });
    const limited = testActor<{ input: number; output: number }>("double", {
      input: z.number(),
      output: z.number(),
      timeLimit: 200,
      minBackoff: 20,
      maxBackoff: 50,
    });
    let runs = 0;
    const logger = new TestLogger();
    const handler = (n: number) => (++runs === 1 ? new Promise<number>(() => undefined) : 2 * n);
    const worker = createWorker(
      connect(redis.url),
      { test: { double: limited } },
      { test: { double: handler } },
      { logger },
    );
    ends.push(() => worker.stop());
    await worker.start();
    const message = await createActorClient<typeof limited>(connect(redis.url), limited).send(4);
    await eventually("the first attempt", () => runs === 1);
    await redis.kill();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await redis.restart();
    expect(await message.result(patience)).toBe(8);
  });

  it("moves messages of a megabyte each", async () => {
    const redis = await server();
    const large = testActor<{ input: string; output: number }>("large", { input: z.string(), output: z.number() });
    const client = createActorClient<typeof large>(connect(redis.url), large);
    const messages = await client.sendMany(Array.from({ length: 120 }, () => "x".repeat(1_000_000)));
    const worker = createWorker(
      connect(redis.url, { lease: 1000 }),
      { test: { large } },
      { test: { large: (text: string) => text.length } },
      { logger: new TestLogger(), concurrency: 100 },
    );
    ends.push(() => worker.stop());
    await worker.start();
    const answers = await Promise.all(messages.map((message) => message.result(patience)));
    expect(new Set(answers)).toEqual(new Set([1_000_000]));
  });

  it("lets a user without rights on channels work, if more slowly", async () => {
    const redis = await server({ users: ["worker on >secret ~* resetchannels +@all"] });
    const url = redis.url.replace("redis://", "redis://worker:secret@");
    const [, logger] = await work(connect(url), (n) => 2 * n);
    await eventually("the notice", () => logger.messages("warn").some((line) => line.includes("every two seconds")));
    const seen = await createActorClient<typeof double>(connect(url), double).send(3);
    expect(seen.id).toBeDefined();
    await eventually("the message to be handled", async () => {
      const admin = new Redis(redis.url);
      const results = await admin.keys("*:result");
      admin.disconnect();
      return results.length === 1;
    });
  });

  it("never lets a timeout hang on a server that is silent", async () => {
    const redis = await server();
    const broker = connect(redis.url);
    const client = createActorClient<typeof double>(broker, double);
    const message = await client.send(1);
    redis.pause();
    const started = performance.now();
    await expect(message.result({ timeout: 300 })).rejects.toMatchObject({ code: "RESULT_TIMEOUT" });
    await expect(client.call(1, { timeout: 300 })).rejects.toThrow();
    await broker.close();
    expect(performance.now() - started).toBeLessThan(9000);
    redis.resume();
  });

  it("shows no password in whatever an error carries", async () => {
    const redis = await server({ password: "correct horse" });
    const wrong = redis.url.replace("correct%20horse", "battery-staple");
    const error = await createActorClient<typeof double>(connect(wrong), double)
      .send(1)
      .catch((thrown: unknown) => thrown);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("battery-staple");
  });

  it("drains a server that is out of memory, while it refuses what is sent", async () => {
    const redis = await server();
    const client = createActorClient<typeof double>(connect(redis.url), double);
    const messages = await client.sendMany(Array.from({ length: 50 }, (_, i) => i));
    const admin = new Redis(redis.url);
    await admin.config("SET", "maxmemory-policy", "noeviction");
    await admin.config("SET", "maxmemory", "1mb");
    const refused = client.send(50);
    await expect(refused).rejects.toThrow(BrokerRefusedError);
    await expect(refused).rejects.toThrow(/OOM/);
    const [worker] = await work(connect(redis.url), (n) => 2 * n);
    const answers = await Promise.all(messages.map((message) => message.result(patience)));
    expect(answers).toEqual(messages.map((_, i) => 2 * i));
    expect(worker.healthy).toBe(true);
    await admin.config("SET", "maxmemory", "0");
    expect(await client.call(50, patience)).toBe(100);
    admin.disconnect();
  });

  it("refuses a URL that is none, with the password masked", () => {
    for (const url of [
      "localhost:6379",
      "http://user:secret@host",
      "redis://:secret@host/db",
      "redis://:secret@:bad:port",
      "redis://user:secret@host:99999",
      "redis://:secr/et@host",
      "redis://:%zzsecret@host",
      "redis:user:secret@host",
      "u:secret@localhost:1",
      "redis://:secret@host?db=1",
    ]) {
      let error: unknown;
      try {
        redisBroker(url);
      } catch (thrown) {
        error = thrown;
      }
      expect(error, url).toBeInstanceOf(InvalidOptionError);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/secr/);
    }
    expect(() => redisBroker({ host: "localhost", stringNumbers: true } as never)).toThrow(
      /sets stringNumbers of ioredis itself/,
    );
    expect(() => redisBroker("redis://localhost", { leese: 1 } as never)).toThrow(/Did you mean "lease"/);
    expect(() => redisBroker("redis://localhost", { lease: "soon" as never })).toThrow(/"lease" must be a duration/);
  });
});
