/**
 * Servers that refuse, and others that take over: sentinels that promote a replica, a cluster that loses a primary, a
 * server that is read-only or full for a while. Clear words while it lasts, work that resumes, and nothing lost.
 */
import { BrokerRefusedError, BrokerUnavailableError } from "callboard";
import { redisBroker, type RedisBrokerOptions, type RedisClusterTarget, type RedisTarget } from "callboard/redis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Broker, Publication } from "../../runtime/seams/broker.js";
import { queueKeys, resultKeys } from "../../runtime/brokers/redis/keys.js";
import { redisUsers } from "../../runtime/brokers/redis/rights.js";
import { writeResult } from "../../runtime/wire/stored-result.js";
import { startRedisCluster, type RedisCluster } from "../setup/redis-cluster.js";
import { startWatchedRedis, type WatchedRedis } from "../setup/redis-sentinel.js";
import { askRedis, settleReplicas, startRedis, type RedisServer } from "../setup/redis.js";
import { eventually } from "../support/eventually.js";
import { Traffic } from "../support/traffic.js";

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

/** Sends a message to a queue, and has it cancelled while its slot is on its way to another node: that takes too long. */
async function hindered(cluster: RedisCluster, broker: Broker, queue: string): Promise<unknown> {
  await broker.publish([{ ...message, queue }]);
  let refusal: unknown;
  await cluster.moveSlotOf(queueKeys("callboard", queue).idle, async () => {
    // What has one key is done at the other node already; what has several, of which some are here, has to wait.
    await broker.publish([{ ...message, queue, id: "2", priority: 9 }]);
    refusal = await broker.state?.controls.cancel(queue, [{ id: "2", keep: 1000 }]).catch((error: unknown) => error);
  });
  return refusal;
}

/** Traffic that ends with the test. */
function traffic(target: string | RedisTarget | RedisClusterTarget): Traffic {
  const started = new Traffic(connect(target), connect(target));
  ends.push(() => started.close());
  return started;
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
    const load = traffic(redis.target);
    await load.start();
    await load.call();
    await settleReplicas(redis.primary.url);
    await redis.primary.kill();
    await eventually("the worker to notice", () => !load.healthy);
    await redis.promoted(redis.replica);
    await eventually("the worker to be well again", () => load.healthy);
    await load.flows();
    await load.call();
    await load.end();
    const [warning] = load.logger.messages("warn");
    expect(warning).toMatch(
      /^redis callboard\/0 \(by sentinel 127\.0\.0\.1:\d+ and 2 more\) cannot be reached: .*trying again$/,
    );
    // Somebody took over within publishTimeout, and no send was refused.
    expect(load.errors).toEqual([]);
  });

  it("changes places with its replica while both run, and the old one is written to no more", async () => {
    // The old primary is told seconds after the new one that it is none any more. What it accepts until then is lost,
    // unless it wants a replica to write.
    const careful = await open(startWatchedRedis({ args: ["--min-replicas-to-write", "1"] }));
    const load = traffic(careful.target);
    await load.start();
    await careful.failover();
    await careful.promoted(careful.replica);
    await load.flows();
    await load.call();
    const refused = await askRedis(careful.primary.url, (admin) => admin.set("key", "value")).catch(String);
    expect(refused).toMatch(/READONLY/);
    await load.end();
    // Sentinels that do not agree at first rest before they vote again.
  }, 90_000);
});

describe("a cluster of three primaries", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());

  /** A message of a queue that nobody takes, at this node or at another one. */
  async function untaken(where: (node: RedisServer) => boolean): Promise<Publication> {
    for (let i = 0; ; i++) {
      const queue = `untaken ${i}`;
      if (where(await cluster.primaryOf(queueKeys("callboard", queue).idle))) return { ...message, queue };
    }
  }

  it("moves the slot of a queue to another one under load: nothing is lost, and no send is refused", async () => {
    const target = { cluster: cluster.nodes.slice(0, 1).map(({ url }) => url) };
    const load = traffic(target);
    await load.start();
    const { idle } = queueKeys("callboard", "b");
    const before = await cluster.primaryOf(idle);
    await cluster.moveSlotOf(idle);
    await eventually("the other primary to serve it", async () => (await cluster.primaryOf(idle)) !== before);
    await load.flows();
    await load.call();
    await load.end();
    expect(load.errors).toEqual([]);
  });

  it("has a user with the least rights wait while a slot is on its way, and says so where that takes too long", async () => {
    for (const { url } of cluster.nodes) {
      await askRedis(url, async (admin) => {
        for (const { name, command } of redisUsers()) {
          const [verb = "", ...args] = command.split(" ");
          await admin.call(verb, ...args);
          await admin.call("ACL", "SETUSER", name, "on", ">secret");
        }
      });
    }
    const nodes = cluster.nodes.map(({ port }) => `redis://callboard-producer:secret@127.0.0.1:${port}`);
    const producer = connect({ cluster: nodes }, { publishTimeout: 500 });
    const refusal = await hindered(cluster, producer, "moving");
    expect(refusal).toBeInstanceOf(BrokerRefusedError);
    expect(refusal).toMatchObject({
      passing: true,
      message: expect.stringMatching(/^redis cluster \S+ and 5 more refused: (TRYAGAIN|ASK|MOVED)/),
    });
    expect(await producer.state?.controls.cancel("moving", [{ id: "2", keep: 1000 }])).toEqual(["waiting"]);
    // One who may not even ask the node that a slot moves to is told so, and lives.
    for (const { url } of cluster.nodes) {
      await askRedis(url, (admin) => admin.call("ACL", "SETUSER", "callboard-producer", "-asking"));
    }
    await cluster.moveSlotOf(queueKeys("callboard", "moving").idle, async () => {
      const sent = producer.publish([{ ...message, queue: "moving", priority: 8 }]);
      await expect(sent).rejects.toThrow(/ refused: (ASK|MOVED)/);
    });
  });

  it("answers all who wait for a result whose slot is on its way", async () => {
    const caller = () => connect({ cluster: cluster.nodes.map(({ url }) => url) }).results;
    const wait = () => caller()?.wait("moving", { timeout: 60_000, addressed: false });
    const { result: key } = resultKeys("callboard", "moving");
    const { url } = await cluster.primaryOf(key);
    const known = async () => (await askRedis(url, (admin) => admin.get(key)))?.split("\n").length;
    const first = wait();
    await eventually("the first to be known", async () => (await known()) === 2);
    const done = { ok: true, output: 1 } as const;
    await cluster.moveSlotOf(key, async () => {
      const second = wait();
      await eventually("the second to be known", async () => (await known()) === 3);
      await caller()?.put("moving", done, 60_000);
      expect(await Promise.all([first, second])).toEqual([{ done }, { done }]);
    });
  });

  it("refuses only for the time being what it cannot finish, as a slot is on its way", async () => {
    const broker = connect({ cluster: cluster.nodes.map(({ url }) => url) });
    const { replaced: key } = queueKeys("callboard", "unfinished");
    // What is read after the only member was removed, as it has expired, is looked for at the other node.
    await askRedis((await cluster.primaryOf(key)).url, (admin) => admin.zadd(key, 1, "expired"));
    await cluster.moveSlotOf(key, async () => {
      await expect(broker.claims?.replaced("unfinished", "1")).rejects.toMatchObject({
        passing: true,
        message: expect.stringMatching(/ refused: ERR Script attempted to access a non local key/),
      });
      expect(await broker.claims?.replaced("unfinished", "1")).toBe(false);
    });
  });

  it("goes on when one is killed under load: nothing is lost, and nobody is restarted", async () => {
    const target = { cluster: cluster.nodes.map(({ url }) => url) };
    const load = traffic(target);
    await load.start();
    await load.call();
    const primary = await cluster.primaryOf(queueKeys("callboard", "a").idle);
    const [there, elsewhere] = await Promise.all([
      untaken((node) => node === primary),
      untaken((node) => node !== primary),
    ]);
    // One who listens at another node, and to whom the word of a result is lost with the node that had it.
    const nodes = cluster.nodes.filter((node) => node !== primary).slice(0, 1);
    const listener = connect({ cluster: nodes.map(({ url }) => url) }, { publishTimeout: 500 });
    await listener.results?.address();
    await listener.publish([there, elsewhere]);
    const result = listener.results?.wait("unheard", { timeout: 60_000, addressed: true });
    const { result: key } = resultKeys("callboard", "unheard");
    const json = writeResult({ ok: true, output: 1 });
    await askRedis((await cluster.primaryOf(key)).url, (admin) => admin.set(key, json));

    await settleReplicas(primary.url);
    await primary.kill();
    await expect(listener.publish([there])).rejects.toThrow(/within 500 ms: .*ECONNREFUSED/);
    await cluster.healthy();
    await listener.publish([there]);
    expect(await result).toEqual({ done: { ok: true, output: 1 } });
    // What the one that is gone said last explains nothing that another one does.
    const { url } = await cluster.primaryOf(queueKeys("callboard", elsewhere.queue).idle);
    await askRedis(url, (admin) => admin.call("CLIENT", "PAUSE", 10_000, "WRITE"));
    await expect(listener.publish([elsewhere])).rejects.toThrow(/within 500 ms$/);
    await askRedis(url, (admin) => admin.call("CLIENT", "UNPAUSE"));
    await load.flows();
    await load.call();
    await eventually("the worker to be well again", () => load.healthy);
    await load.end();
    expect(load.errors).toEqual([]);
    const words = [...load.logger.messages("warn"), ...load.logger.messages("error")];
    expect(words).toContainEqual(
      expect.stringMatching(/^redis cluster 127\.0\.0\.1:\d+ and 5 more (cannot be reached|refused: CLUSTERDOWN)/),
    );
  });

  it("is listened to elsewhere where a node is taken out of it and runs on", async () => {
    const replicas = cluster.nodes.map(async (node) => {
      const role = await askRedis(node.url, (admin) => admin.role()).catch(() => []);
      return role[0] === "slave" ? [node] : [];
    });
    const [node] = (await Promise.all(replicas)).flat();
    if (node === undefined) throw new Error("There is no replica.");
    const listener = connect({ cluster: [node.url] });
    const reply = await listener.results?.address();
    await listener.publish([await untaken(() => true)]);
    const isHeard = async () =>
      String(await askRedis(node.url, (admin) => admin.client("LIST"))).includes("callboard:sub");
    expect(await isHeard()).toBe(true);

    const id = await askRedis(node.url, (admin) => admin.cluster("MYID"));
    const others = cluster.nodes.filter((other) => other !== node);
    await Promise.allSettled(others.map(({ url }) => askRedis(url, (admin) => admin.cluster("FORGET", id))));
    await askRedis(node.url, (admin) => admin.cluster("RESET", "SOFT"));
    await eventually("it to be listened at no longer", async () => !(await isHeard()));
    const result = { ok: true, output: 2 } as const;
    const waiting = listener.results?.wait("heard", { timeout: 60_000, addressed: true });
    await connect({ cluster: others.map(({ url }) => url) }).results?.put("heard", result, 60_000, reply);
    expect(await waiting).toEqual({ done: result });
  });
});

describe("a cluster that is gone as a whole", () => {
  it("is said to be, and is found again by whoever used it", async () => {
    const cluster = await open(startRedisCluster());
    const target = { cluster: cluster.nodes.map(({ url }) => url) };
    const load = new Traffic(connect(target, { publishTimeout: 2000 }), connect(target));
    ends.push(() => load.close());
    await load.start();
    await Promise.all(cluster.nodes.map((node) => node.kill()));
    await load.refused(/^BrokerUnavailableError: redis cluster .* and 5 more .*(ECONNREFUSED|ECONNRESET|EPIPE)/);
    await eventually("the worker to notice", () => !load.healthy);
    // What they held is gone with them: they keep nothing on disk.
    await Promise.all(cluster.nodes.map((node) => node.restart()));
    await load.flows();
    await load.call();
    await eventually("the worker to be well again", () => load.healthy);
  }, 120_000);
});

describe("a server that becomes a replica for a while", () => {
  it("refuses what is sent, and says why; work goes on when it is a primary again, and nothing is lost", async () => {
    const redis = await open(startRedis());
    const load = traffic(redis.url);
    await load.start();
    // Of a primary that is not there, so that it keeps what it has.
    await askRedis(redis.url, (admin) => admin.call("REPLICAOF", "127.0.0.1", 1));
    await load.refused(/READONLY/);
    await eventually("the worker to notice", () => !load.healthy);
    expect(load.logger.messages("error")).toContainEqual(
      expect.stringMatching(/^redis 127\.0\.0\.1:\d+\/0 refused: READONLY/),
    );
    await askRedis(redis.url, (admin) => admin.call("REPLICAOF", "NO", "ONE"));
    await load.flows();
    await eventually("the worker to be well again", () => load.healthy);
    await load.call();
    await load.end();
  });

  it("costs nobody who waits for a result, though it is asked again meanwhile", async () => {
    const redis = await open(startRedis());
    const answer = connect(redis.url).results?.wait("1", { timeout: 60_000, addressed: false });
    const isAsked = () => askRedis(redis.url, (admin) => admin.exists(resultKeys("callboard", "1").result));
    await eventually("the store to be asked", async () => (await isAsked()) === 1);
    await askRedis(redis.url, (admin) => admin.call("REPLICAOF", "127.0.0.1", 1));
    await askRedis(redis.url, (admin) => admin.call("CLIENT", "KILL", "TYPE", "pubsub"));
    const errors = () => askRedis(redis.url, (admin) => admin.info("errorstats"));
    await eventually("a refusal", async () => (await errors()).includes("READONLY"));
    await askRedis(redis.url, (admin) => admin.call("REPLICAOF", "NO", "ONE"));
    await connect(redis.url).results?.put("1", { ok: true, output: 1 }, 60_000);
    expect(await answer).toEqual({ done: { ok: true, output: 1 } });
  });
});

describe("a server that reaches its maxmemory", () => {
  it("refuses what is sent, and says why; what it has is worked off meanwhile, and nothing is lost", async () => {
    const redis = await open(startRedis({ args: ["--maxmemory-policy", "noeviction"] }));
    const load = traffic(redis.url);
    await load.start();
    await askRedis(redis.url, (admin) => admin.config("SET", "maxmemory", "1mb"));
    await load.refused(/OOM/);
    const accepted = [...load.accepted];
    await eventually("what was accepted to be worked off", () => accepted.every((n) => load.ran.has(n)));
    expect(load.healthy).toBe(true);
    await askRedis(redis.url, (admin) => admin.config("SET", "maxmemory", "0"));
    await load.flows();
    await load.call();
    await load.end();
  });
});
