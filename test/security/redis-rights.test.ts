/** The users that `callboard acl --broker redis` prints can do their work on a real server, and nothing else. */
import { barrier, concurrencyLimiter } from "callboard";
import { createActorClient, group, pipeline, type Actor } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { createWorker, type ProgressTask } from "callboard/worker";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import type { Broker, DeadLetterFate } from "../../runtime/seams/broker.js";
import type { Claim } from "../../runtime/seams/claims.js";
import { queueKeys } from "../../runtime/brokers/redis/keys.js";
import { redisUsers } from "../../runtime/brokers/redis/rights.js";
import { createProject } from "../setup/project.js";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { TestLogger, testActor } from "../support/actors.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually } from "../support/eventually.js";

const PREFIX = "shop";
const PASSWORD = "pass-of-a-user";

type Twice = Actor<{ input: number; output: number }>;
const twice: Twice = testActor("twice", { input: z.number(), output: z.number(), maxRetries: 1 });

const limited: Twice = testActor("limited", {
  input: z.number(),
  output: z.number(),
  concurrencyLimit: 1,
  rateLimit: { limit: 100, per: "1s", kind: "bucket" },
});
const rare: Twice = testActor("rare", {
  input: z.number(),
  output: z.number(),
  rateLimit: { limit: 2, per: 100, key: (input) => Number(input) % 2 },
});

type Climb = Actor<{ input: number; progress: number; tracked: true }>;
const climb: Climb = testActor("climb", { input: z.number(), progress: z.number() });

let server: RedisServer;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

const urlOf = (role: string) => `redis://${PREFIX}-${role}:${PASSWORD}@127.0.0.1:${server.port}`;
const times = { prefix: PREFIX, lease: 1500, sweepInterval: 200 };
const brokers: Broker[] = [];
function connect(role: string): Broker {
  const broker = redisBroker(urlOf(role), times);
  brokers.push(broker);
  return broker;
}

/** Makes the users anew, each with a password. */
async function createUsers(): Promise<void> {
  await removeUsers();
  for (const { name, command } of redisUsers(PREFIX)) {
    const [verb = "", ...args] = command.split(" ");
    await admin.call(verb, ...args);
    await admin.call("ACL", "SETUSER", name, "on", `>${PASSWORD}`);
  }
}

async function removeUsers(): Promise<void> {
  await admin.call("ACL", "DELUSER", ...redisUsers(PREFIX).map(({ name }) => name));
}

test("the command prints one line for each user, which the server takes, and a new user is off", async () => {
  const project = createProject();
  const { stdout, stderr, code } = await project.callboard("acl", "--broker=redis", `--prefix=${PREFIX}`);
  expect(code).toBe(0);
  expect(stderr).toContain("A new user is off and has no password");
  const lines = stdout.trim().split("\n");
  expect(lines.map((line) => line.split(" ")[2])).toEqual(["shop-producer", "shop-worker", "shop-operator"]);
  await removeUsers();
  for (const line of lines) {
    expect(line).not.toContain("+@");
    const [command = "", ...args] = line.split(" ");
    expect(await admin.call(command, ...args)).toBe("OK");
  }
  const stranger = connect("worker");
  await expect(stranger.deadLetters.list("default")).rejects.toThrow(/WRONGPASS/);

  const asJson = await project.callboard("acl", "--broker=redis", `--prefix=${PREFIX}`, "--json");
  const { users } = JSON.parse(asJson.stdout) as { users: { role: string; name: string; command: string }[] };
  expect(users.map(({ command }) => command)).toEqual(lines);
  expect(users.map(({ role }) => role)).toEqual(["producer", "worker", "operator"]);
});

test("messages are sent, called, delayed, tried again, swept, dead-lettered and replayed with no right missing or needless", async () => {
  await createUsers();
  await Promise.all([admin.call("CONFIG", "RESETSTAT"), admin.call("ACL", "LOG", "RESET")]);
  const [sending, working, operating] = [connect("producer"), connect("worker"), connect("operator")];
  const client = createActorClient<Twice>(sending, twice);

  // What a lost worker held is swept up by another.
  const lost = connect("worker");
  const before = await client.send(4);
  const holder = new TestConsumer(lost, "default");
  await holder.next();
  await lost.close();

  const logger = new TestLogger();
  const failed = new Set<number>();
  const ran = new Set<number>();
  const handler = (input: number) => {
    if (input < 0) throw new Error("always");
    // Fails once, so that it is tried again.
    if (input === 7 && !failed.has(input)) {
      failed.add(input);
      throw new Error("once");
    }
    ran.add(input);
    return input * 2;
  };
  const slowly = async (input: number) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return input * 2;
  };
  const told = (step: number, task: ProgressTask<number>) => task.progress(step);
  const handlers = { test: { twice: handler, limited: slowly, rare: slowly, climb: told } };
  const all = { test: { twice, limited, rare, climb } };
  const worker = createWorker(working, all, handlers, { logger, concurrency: 1 });
  await worker.start();
  // Another one, so that messages of limited actors meet.
  const companion = createWorker(connect("worker"), all, handlers, { logger });
  await companion.start();
  for (const actor of [limited, rare]) {
    const messages = await createActorClient<Twice>(sending, actor).sendMany([1, 2, 3, 4, 5, 6]);
    const answers = await Promise.all(messages.map((message) => message.result({ timeout: "20s" })));
    expect(answers).toEqual([2, 4, 6, 8, 10, 12]);
  }
  await companion.stop();
  const mutex = concurrencyLimiter(working, "ledger", { limit: 1 });
  const slot = await mutex.acquire();
  const handedOn = mutex.acquire({ timeout: "20s" });
  const meeting = barrier(working, "meeting", { parties: 1, ttl: "1m" });
  await meeting.create();
  const gathered = meeting.wait();
  await slot.release();
  await (await handedOn).release();
  expect(await meeting.arrive("ada")).toBe(true);
  expect(await gathered).toBe(true);
  expect(await before.result({ timeout: "20s" })).toBe(8);
  expect(await client.call(21)).toBe(42);
  expect(await client.call(7)).toBe(14);
  const sent = [...(await client.sendMany([1, 2, 3, 4])), ...(await client.sendMany([5], { delay: 100, priority: 9 }))];
  expect(await Promise.all(sent.map((message) => message.result({ timeout: "20s" })))).toEqual([2, 4, 6, 8, 10]);
  await expect(client.call(-1)).rejects.toThrow(/always/);
  await expect((await client.send(-2)).result({ timeout: 1 })).rejects.toThrow(/no result/);

  await eventually("two dead letters", async () => (await operating.deadLetters.list("default")).length === 2);
  const [letter] = await operating.deadLetters.list("default");
  expect(await operating.deadLetters.replay("default", letter?.id ?? "")).toBe(true);
  await eventually("its second death", async () => (await operating.deadLetters.list("default")).length === 2);
  const [one, other] = await operating.deadLetters.list("default");
  const settle = (id: string | undefined, fate: DeadLetterFate) =>
    operating.deadLetters.settle("default", { ids: [id ?? ""] }, () => fate);
  expect(await settle(one?.id, "remove")).toEqual({ replayed: 0, removed: 1 });
  expect(await settle(other?.id, "keep")).toEqual({ replayed: 0, removed: 0 });
  expect(await operating.deadLetters.purge("default")).toBe(1);

  // The operator looks around, and has the worker rest for a while.
  expect(await operating.operations?.queues()).toEqual(["default"]);
  await sending.publish([{ id: "b", queue: "untouched", priority: 5, delay: 0, body: "{}" }]);
  expect(await operating.operations?.stats("untouched")).toMatchObject({ waiting: 1, oldestAge: null });
  expect(await operating.state?.workers.list()).toMatchObject([{ pid: process.pid, concurrency: 1 }]);
  expect(await operating.state?.schedules.read("default")).toMatchObject({ made: new Map() });
  const target = { kind: "queue", name: "default" } as const;
  expect(await operating.state?.pauses.pause(target)).toBe(true);
  expect(await operating.state?.pauses.list()).toMatchObject([target]);
  expect(await operating.state?.pauses.resume(target)).toBe(true);

  // One whose progress is followed.
  const climbing = await createActorClient<Climb>(sending, climb).send(5);
  const steps: number[] = [];
  for await (const step of climbing.progress()) steps.push(step);
  expect(steps).toEqual([5]);
  expect(await climbing.status()).toEqual({ state: "done" });

  // A message that is cancelled before it is sent to anybody, and one of which it is said too late.
  const waiting = await client.send(1, { delay: "1h" });
  expect(await waiting.cancel()).toBe("cancelled");
  await expect(waiting.result()).rejects.toThrow(/cancelled/);
  const late = await client.send(3);
  expect(await late.result({ timeout: "20s" })).toBe(6);
  expect(await late.cancel()).toBe("ended");
  const met = client.handle("met");
  expect(await met.cancel()).toBe("cancelled");
  const body = JSON.stringify({ id: "met", actor: "test.twice", v: "0", at: 0, input: 1 });
  await sending.publish([{ id: "met", queue: "default", priority: 5, delay: 0, body }]);
  await eventually("it to be met", () => logger.messages("info").includes("message was cancelled"));

  // A flow that goes its way, and one that is cancelled.
  const flow = await group([client.message(1), pipeline(client.message(2), client)]).send();
  expect(await flow.result({ timeout: "20s" })).toEqual([2, 8]);
  const ended = await pipeline(client.message(1, { delay: "1h" }), client).send();
  expect(await ended.cancel()).toBe("cancelled");
  await expect(ended.result()).rejects.toThrow(/cancelled/);
  const without = await pipeline(client.message(1, { delay: "1h" }), client).send();
  expect(await client.handle(`${without.id}.0`).cancel()).toBe("cancelled");
  await expect(without.result()).rejects.toThrow(/failed at step 1/);

  // A message that is given back, and a consumer that leaves in good order.
  const consumer = new TestConsumer(working, "other");
  await sending.publish([{ id: "a", queue: "other", priority: 5, delay: 0, body: "{}" }]);
  await (await consumer.next()).release();
  // A worker leads what a producer has scheduled.
  await client.schedule("often", { cron: "* * * * * *", input: 50 });
  await eventually("a tick", () => ran.has(50));
  expect(await client.schedules()).toHaveLength(1);
  expect(await client.unschedule("often")).toBe(true);
  const unique: Claim = { key: "user 7", ttl: 60_000, from: "anybody" };
  for (const [id, delay] of [
    ["b", 50_000],
    ["c", 0],
  ] as const) {
    await sending.claims?.publish({ id, queue: "other", priority: 5, delay, body: "{}" }, [unique]);
  }
  expect(await working.claims?.replaced("other", "b")).toBe(true);
  await working.claims?.free("other", "c", [unique.key]);
  // A tick of a schedule without overlaps, whose last message was cancelled before anybody took it.
  const alone: Claim = { ...unique, key: "overlap:nightly", from: "nobody" };
  const tick = (id: string) => ({ id, queue: "other", priority: 5, delay: 50_000, body: "{}" });
  await working.claims?.publish(tick("d"), [alone]);
  expect(await sending.state?.controls.cancel("other", [{ id: "d", keep: 60_000 }])).toEqual(["waiting"]);
  expect(await working.claims?.publish(tick("e"), [alone])).toEqual({ id: "e", sent: true });
  await consumer.consumer.close();
  await worker.stop();
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));

  expect(await admin.call("ACL", "LOG")).toEqual([]);
  const stats = await admin.info("commandstats");
  const used = new Set([...stats.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name = ""]) => name));
  const given = new Set(redisUsers(PREFIX).flatMap(({ commands }) => commands));
  // Where the server is in a cluster, where a database is named, and where nothing else is said for ten seconds.
  const elsewhere = ["cluster|slots", "cluster|info", "asking", "select", "ping"];
  expect([...given].filter((command) => !used.has(command)).sort()).toEqual(elsewhere.sort());
});

test.each([
  ["producer", ["RPOP", `${PREFIX}:{work}:ready:5`]],
  ["producer", ["LRANGE", `${PREFIX}:{work}:ready:5`, "0", "-1"]],
  ["producer", ["HGET", `${PREFIX}:{work}:dead`, "id"]],
  ["worker", ["GET", "other:{id}:result"]],
  ["worker", ["PUBLISH", "other:reply:id", "x"]],
  ["operator", ["LPUSH", `${PREFIX}:{work}:leases`, "x"]],
  ["operator", ["HGETALL", `${PREFIX}:{work}:result`]],
  ["producer", ["HGETALL", `${PREFIX}:{:workers}:pauses`]],
  ["operator", ["FLUSHALL"]],
  ["operator", ["KEYS", "*"]],
])("a %s may not %j", async (role, [command = "", ...args]) => {
  await createUsers();
  const redis = new Redis(urlOf(role));
  await expect(redis.call(command, ...args)).rejects.toThrow(/^NOPERM/);
  redis.disconnect();
});

test("the rights cover every key of the broker", () => {
  const [, worker] = redisUsers(PREFIX);
  const pattern = new RegExp(`^${(worker?.keys[0] ?? "").replaceAll(/[{}]/g, "\\$&").replaceAll("*", ".*")}$`);
  const { delayed, leases, running, allReady } = queueKeys(PREFIX, "work");
  for (const key of [delayed, leases, running("id"), ...allReady]) expect(key).toMatch(pattern);
});
