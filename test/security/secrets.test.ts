/** Passwords and keys are in nothing that is thrown, logged or printed, whatever fails. */
import { inspect } from "node:util";
import { createSeal, memoryBroker } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { rabbitmqBroker } from "callboard/rabbitmq";
import { redisBroker, redisResults } from "callboard/redis";
import { createWorker } from "callboard/worker";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import { message } from "../conformance/broker.js";
import { createAuthority, type Authority } from "../setup/certificates.js";
import { createProject } from "../setup/project.js";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

const PASSWORD = "s3cret-p@ss/word";
const ENCODED = encodeURIComponent(PASSWORD);
const KEY = Buffer.from("sealing-key-that-nobody-may-see!");

/** Every spelling in which a secret could be seen. */
const secrets = [PASSWORD, ENCODED, KEY.toString(), KEY.toString("base64"), KEY.toString("hex"), "PRIVATE KEY"];

type Echo = Actor<{ input: string; output: string }>;
const echo: Echo = testActor("echo", { input: z.string(), output: z.string() });

/** All that somebody saw. */
let seen: string[] = [];
let server: RedisServer;
let authority: Authority;

beforeAll(async () => {
  [server, authority] = await Promise.all([startRedis({ password: "another" }), createAuthority()]);
});
afterAll(() => server.stop());
beforeEach(() => (seen = []));

/** Keeps what was thrown in every way in which it could be printed. */
function note(thrown: unknown): void {
  seen.push(inspect(thrown, { depth: 12, showHidden: true }), JSON.stringify(thrown), String(thrown));
  if (thrown instanceof Error) {
    seen.push(thrown.message, thrown.stack ?? "");
    if (thrown.cause !== undefined) note(thrown.cause);
  }
}

function attempt(step: () => unknown): void {
  try {
    step();
  } catch (error) {
    note(error);
  }
}

/** Looks for every secret in what was seen, once it is known that something was. */
function expectNoSecret(least: number): void {
  expect(seen.length).toBeGreaterThanOrEqual(least);
  const text = seen.join("\n");
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
}

const logger = () => pino({ level: "debug" }, { write: (line: string) => void seen.push(line) });

/** Everything that a broker can be asked for, and a worker on it, until it has logged something. */
async function useAll(broker: Broker): Promise<void> {
  const steps = [
    broker.publish([message(0)]),
    broker.publish([message(0, { delay: 1000 })]),
    createActorClient<Echo>(broker, echo).call("x", { timeout: "3s" }),
    broker.deadLetters.list("default"),
    broker.results.put("id", { ok: true, output: 1 }, 1000),
  ];
  for (const { reason } of (await Promise.allSettled(steps)).filter((each) => each.status === "rejected")) note(reason);
  const lines = seen.length;
  const worker = createWorker(broker, { test: { echo } }, { test: { echo: (x: string) => x } }, { logger: logger() });
  await worker.start();
  await eventually("more than that it started", () => seen.length > lines + 1);
  await worker.stop();
  await broker.close();
}

test("a wrong password for Redis, in a URL and in options", async () => {
  await useAll(redisBroker(`redis://user:${ENCODED}@127.0.0.1:${server.port}`, { publishTimeout: "3s" }));
  await useAll(redisBroker({ port: server.port, username: "user", password: PASSWORD }, { publishTimeout: "3s" }));
  expect(seen.join()).toContain("WRONGPASS");
  expectNoSecret(20);
});

test("a Redis server that is not there, and TLS that fails with a client's key", async () => {
  await useAll(redisBroker(`redis://user:${ENCODED}@127.0.0.1:1`, { publishTimeout: "1s" }));
  const { cert, key } = await authority.issue("client");
  const tls = { ca: authority.cert, cert, key };
  const broker = redisBroker(`rediss://user:${ENCODED}@127.0.0.1:${server.port}`, { publishTimeout: "1s", tls });
  await broker.publish([message(0)]).catch(note);
  await broker.close();
  attempt(() => redisBroker(`rediss://user:${ENCODED}@h`, { tls: { cert: authority.cert, key } }));
  attempt(() => redisBroker(`rediss://user:${ENCODED}@h`, { tls: { key: key.slice(0, 150) } }));
  expectNoSecret(20);
});

test("a wrong password for RabbitMQ, and a server that is not there", async () => {
  const url = new URL(inject("rabbitmqUrl"));
  await useAll(rabbitmqBroker(`amqp://guest:${ENCODED}@${url.host}`, { publishTimeout: "3s" }));
  expect(seen.join()).toContain("refused the login");
  await useAll(rabbitmqBroker(`amqp://guest:${ENCODED}@127.0.0.1:1`, { publishTimeout: "1s" }));
  expectNoSecret(20);
}, 60_000);

test("URLs and options that are refused", () => {
  // Unencoded, as people write them, so that it is no URL or one of another host.
  for (const url of [`redis://user:${PASSWORD}@h`, `redis://:${PASSWORD}`, `rabbit://u:${PASSWORD}@h`, PASSWORD]) {
    attempt(() => redisBroker(url));
    attempt(() => redisResults(url));
    attempt(() => rabbitmqBroker(url));
  }
  for (const query of ["?a=b", "/name/more"]) {
    attempt(() => redisBroker(`redis://u:${ENCODED}@h${query}`));
    attempt(() => rabbitmqBroker(`amqp://u:${ENCODED}@h${query}`));
  }
  attempt(() => redisBroker({ password: PASSWORD, keyPrefix: "x" } as never));
  attempt(() => redisBroker({ password: PASSWORD }, { prefix: "a b" }));
  attempt(() => rabbitmqBroker(`amqp://u:${ENCODED}@h`, { tls: { ca: authority.cert } }));
  expectNoSecret(30);
});

test("seals that are refused, do not open, or are logged", async () => {
  attempt(() => createSeal({ current: "a", keys: { a: KEY.subarray(1) } }));
  attempt(() => createSeal({ current: "a", keys: { a: KEY.toString("hex") } }));
  attempt(() => createSeal({ current: "b", keys: { a: KEY } }));
  const seal = createSeal({ current: "a", keys: { a: KEY } });
  const broker = memoryBroker();
  const options = { logger: logger(), seal: createSeal({ current: "a", keys: { a: Buffer.alloc(32) } }) };
  const handlers = { test: { echo: () => "" } };
  const worker = createWorker(broker, { test: { echo } }, handlers, options);
  await worker.start();
  await createActorClient<Echo>(broker, echo, { seal }).call("x").catch(note);
  for (const letter of await broker.deadLetters.list("default")) note(letter);
  await worker.stop();
  note(seal);
  note(worker);
  logger().info({ seal }, "a seal");
  expectNoSecret(10);
});

test("what the command line prints", async () => {
  const worker = (target: string) => `
    import { createWorker } from "callboard/worker";
    import { redisBroker } from "callboard/redis";
    import { defineActor } from "callboard/client";
    import { actor } from "callboard";
    import { z } from "zod";
    const echo = defineActor(actor({ input: z.string() }), { name: "test.echo", fingerprint: "0" });
    export default createWorker(redisBroker(${target}), { test: { echo } }, { test: { echo() {} } });`;
  const project = createProject({
    "wrong.js": worker(`"redis://user:${ENCODED}@127.0.0.1:${server.port}"`),
    "malformed.js": worker(`"redis://user:${PASSWORD}@127.0.0.1"`),
  });
  const running = project.start(["worker", "wrong.js"]);
  await running.printed("WRONGPASS");
  running.kill("SIGTERM");
  const malformed = await project.callboard("worker", "malformed.js");
  for (const { stdout, stderr } of [await running.ended, malformed]) seen.push(stdout, stderr);
  expect(malformed.code).not.toBe(0);
  expectNoSecret(4);
});
