/**
 * Servers that refuse, and others that take over: sentinels that promote a replica, a cluster that loses a primary, a
 * server that is read-only or full for a while. Clear words while it lasts, work that resumes, and nothing lost.
 */
import { BrokerRefusedError, BrokerUnavailableError } from "callboard";
import { createActorClient } from "callboard/client";
import { redisBroker, type RedisBrokerOptions, type RedisClusterTarget, type RedisTarget } from "callboard/redis";
import { createWorker } from "callboard/worker";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/broker.js";
import { queueKeys } from "../../runtime/brokers/redis/keys.js";
import type { Worker } from "../../runtime/worker/worker.js";
import { startRedisCluster, type RedisCluster } from "../setup/redis-cluster.js";
import { startWatchedRedis, type WatchedRedis } from "../setup/redis-sentinel.js";
import { askRedis, settleReplicas, startRedis } from "../setup/redis.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

/** Queues enough that each primary of a cluster serves some. */
const queues = ["a", "b", "c", "d", "e", "f"];
const actors = queues.map((queue) =>
  testActor<{ input: number; output: number }>(queue, { input: z.number(), output: z.number(), queue }),
);
const message = { id: "1", queue: "a", priority: 5, delay: 0, body: "{}" } as const;
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function open<T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  ends.push(() => started.stop());
  return started;
}

function connect(target: string | RedisTarget | RedisClusterTarget, options: RedisBrokerOptions = {}): Broker {
  const broker = redisBroker(target, { lease: 3000, sweepInterval: 500, ...options });
  ends.push(() => broker.close());
  return broker;
}

/** Sends to every queue in turn, one after the other, and keeps book of what was accepted and of what was run. */
class Traffic {
  readonly accepted = new Set<number>();
  readonly ran = new Set<number>();
  readonly errors = new Set<unknown>();
  readonly logger = new TestLogger();
  readonly worker: Worker;
  readonly #clients;
  #sending: Promise<unknown> | undefined;
  readonly #over = new AbortController();

  constructor(producer: Broker, consumer: Broker) {
    this.#clients = actors.map((actor) => createActorClient<(typeof actors)[number]>(producer, actor));
    const handle = (n: number) => {
      this.ran.add(n);
      return 2 * n;
    };
    const named = <T>(values: readonly T[]) => Object.fromEntries(queues.map((queue, i) => [queue, values[i]]));
    this.worker = createWorker(
      consumer,
      { test: named(actors) as Record<string, (typeof actors)[number]> },
      { test: named(actors.map(() => handle)) },
      { logger: this.logger, concurrency: 20, shutdownTimeout: 100 },
    );
    ends.push(() => this.worker.stop());
  }

  async start(): Promise<void> {
    await this.worker.start();
    // One lane for each queue: the others go on while one of them waits.
    this.#sending = Promise.all(
      this.#clients.map(async (client, lane) => {
        for (let n = lane; !this.#over.signal.aborted; n += queues.length) {
          await client.send(n).then(
            () => this.accepted.add(n),
            (error: unknown) => this.errors.add(error),
          );
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }),
    );
    await this.flows();
  }

  /** Waits until messages of every queue have been accepted and run from now on. */
  async flows(): Promise<void> {
    for (const lane of queues.keys()) {
      const count = () => [...this.ran].filter((n) => this.accepted.has(n) && n % queues.length === lane).length;
      const before = count();
      await eventually(`messages of queue ${queues[lane]}`, () => count() > before + 20, 40_000);
    }
  }

  /** Ends the sending; every message that was accepted is to be run. */
  async end(): Promise<void> {
    this.#over.abort();
    await this.#sending;
    const missing = () => [...this.accepted].filter((n) => !this.ran.has(n));
    await eventually("every accepted message to be run", () => missing().length === 0);
    const strangers = [...this.errors].filter(
      (error) => !(error instanceof BrokerUnavailableError || (error instanceof BrokerRefusedError && error.passing)),
    );
    expect(strangers).toEqual([]);
  }

  /** A call on every queue, with its answer. */
  async call(): Promise<void> {
    const answers = await Promise.all(this.#clients.map((client, i) => client.call(0.5 + i, { timeout: "20s" })));
    expect(answers).toEqual(queues.map((_, i) => 1 + 2 * i));
  }
}

describe("a primary that sentinels watch", () => {
  let redis: WatchedRedis;
  beforeAll(async () => {
    redis = await startWatchedRedis();
  });
  afterAll(() => redis.stop());

  it("is not found where no sentinel answers or none knows the name, and that is said", async () => {
    const { sentinels, name } = redis.target;
    const nobody = { name, sentinels: sentinels.map(({ host }) => ({ host, port: 1 })) };
    const lost = connect(nobody, { publishTimeout: 1000 });
    const sent = lost.publish([message]);
    await expect(sent).rejects.toThrow(BrokerUnavailableError);
    await expect(sent).rejects.toThrow(
      /^redis callboard\/0 \(by sentinel 127.0.0.1:1 and 2 more\) .*no sentinel names it; failed to connect to sentinel 127.0.0.1:1/,
    );
    const misled = connect({ sentinels, name: "nobody" }, { publishTimeout: 1000 });
    await expect(misled.publish([message])).rejects.toThrow(
      /^redis nobody\/0 .*no sentinel names it; .*No such master/,
    );
  });

  it("is found, and its replica after it was killed under load: nothing is lost, and nobody is restarted", async () => {
    const traffic = new Traffic(connect(redis.target), connect(redis.target));
    await traffic.start();
    await traffic.call();
    await settleReplicas(redis.primary.url);
    await redis.primary.kill();
    await eventually("the worker to notice", () => !traffic.worker.healthy);
    await redis.promoted(redis.replica);
    await eventually("the worker to be well again", () => traffic.worker.healthy);
    await traffic.flows();
    await traffic.call();
    await traffic.end();
    const [warning] = traffic.logger.messages("warn");
    expect(warning).toMatch(
      /^redis callboard\/0 \(by sentinel 127\.0\.0\.1:\d+ and 2 more\) cannot be reached: .*trying again$/,
    );
    // Somebody took over within publishTimeout, and no send was refused.
    expect([...traffic.errors]).toEqual([]);
  });

  it("changes places with its replica while both run, and the old one is written to no more", async () => {
    // The old primary is told seconds after the new one that it is none any more. What it accepts until then is lost,
    // unless it wants a replica to write.
    const careful = await open(startWatchedRedis({ args: ["--min-replicas-to-write", "1"] }));
    const traffic = new Traffic(connect(careful.target), connect(careful.target));
    await traffic.start();
    await careful.failover();
    await careful.promoted(careful.replica);
    await traffic.flows();
    await traffic.call();
    const refused = await askRedis(careful.primary.url, (admin) => admin.set("key", "value")).catch(String);
    expect(refused).toMatch(/READONLY/);
    await traffic.end();
  });
});

describe("a cluster of three primaries", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  it("moves the slot of a queue to another one under load: nothing is lost, and no send is refused", async () => {
    const target = { cluster: cluster.nodes.slice(0, 1).map(({ url }) => url) };
    const traffic = new Traffic(connect(target), connect(target));
    await traffic.start();
    const { idle } = queueKeys("callboard", "b");
    const before = await cluster.primaryOf(idle);
    await cluster.moveSlotOf(idle);
    await eventually("the other primary to serve it", async () => (await cluster.primaryOf(idle)) !== before);
    await traffic.flows();
    await traffic.call();
    await traffic.end();
    expect([...traffic.errors]).toEqual([]);
  });

  it("goes on when one is killed under load: nothing is lost, and nobody is restarted", async () => {
    const target = { cluster: cluster.nodes.map(({ url }) => url) };
    const traffic = new Traffic(connect(target), connect(target));
    await traffic.start();
    await traffic.call();
    const primary = await cluster.primaryOf(queueKeys("callboard", "a").idle);
    await settleReplicas(primary.url);
    await primary.kill();
    await cluster.healthy();
    await traffic.flows();
    await traffic.call();
    await eventually("the worker to be well again", () => traffic.worker.healthy);
    await traffic.end();
    expect([...traffic.errors]).toEqual([]);
    const words = [...traffic.logger.messages("warn"), ...traffic.logger.messages("error")];
    expect(words).toContainEqual(
      expect.stringMatching(/^redis cluster 127\.0\.0\.1:\d+ and 5 more (cannot be reached|refused: CLUSTERDOWN)/),
    );
  });
});

describe("a server that becomes a replica for a while", () => {
  it("refuses what is sent, and says why; work goes on when it is a primary again, and nothing is lost", async () => {
    const redis = await open(startRedis());
    const traffic = new Traffic(connect(redis.url), connect(redis.url));
    await traffic.start();
    // Of a primary that is not there, so that it keeps what it has.
    await askRedis(redis.url, (admin) => admin.call("REPLICAOF", "127.0.0.1", 1));
    await eventually("a send to be refused", () => [...traffic.errors].some((error) => /READONLY/.test(String(error))));
    await eventually("the worker to notice", () => !traffic.worker.healthy);
    expect(traffic.logger.messages("error")).toContainEqual(
      expect.stringMatching(/^redis 127\.0\.0\.1:\d+\/0 refused: READONLY/),
    );
    await askRedis(redis.url, (admin) => admin.call("REPLICAOF", "NO", "ONE"));
    await traffic.flows();
    await eventually("the worker to be well again", () => traffic.worker.healthy);
    await traffic.call();
    await traffic.end();
  });
});

describe("a server that reaches its maxmemory", () => {
  it("refuses what is sent, and says why; what it has is worked off meanwhile, and nothing is lost", async () => {
    const redis = await open(startRedis({ args: ["--maxmemory-policy", "noeviction"] }));
    const traffic = new Traffic(connect(redis.url), connect(redis.url));
    await traffic.start();
    await askRedis(redis.url, (admin) => admin.config("SET", "maxmemory", "1mb"));
    await eventually("a send to be refused", () => [...traffic.errors].some((error) => /OOM/.test(String(error))));
    const accepted = [...traffic.accepted];
    await eventually("what was accepted to be worked off", () => accepted.every((n) => traffic.ran.has(n)));
    expect(traffic.worker.healthy).toBe(true);
    await askRedis(redis.url, (admin) => admin.config("SET", "maxmemory", "0"));
    await traffic.flows();
    await traffic.call();
    await traffic.end();
  });
});
