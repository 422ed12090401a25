/** Redis by way of TLS: own authorities, client certificates, server names, and what is said where one of them is wrong. */
import { redisBroker, redisResults, type RedisBrokerOptions } from "callboard/redis";
import { createActorClient, type Actor } from "callboard/client";
import { createWorker } from "callboard/worker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { message } from "../conformance/broker.js";
import { createAuthority, type Authority, type Certificate } from "../setup/certificates.js";
import { freePort } from "../setup/program.js";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { TestLogger, testActor } from "../support/actors.js";
import { refusesWhatDoesNotFit } from "./tls-refusals.js";

type Twice = Actor<{ input: number; output: number }>;
const twice: Twice = testActor("twice", { input: z.number(), output: z.number() });

let authority: Authority;
let stranger: Authority;
let client: Certificate;
let server: RedisServer;
let tlsPort: number;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([createAuthority(), createAuthority()]);
  const [own, users] = await Promise.all([authority.issue("server", "DNS:localhost"), authority.issue("client")]);
  client = users;
  tlsPort = await freePort();
  server = await startRedis({
    password: "secret",
    args: [
      ...["--tls-port", String(tlsPort), "--tls-auth-clients", "yes"],
      ...["--tls-cert-file", own.certFile, "--tls-key-file", own.keyFile, "--tls-ca-cert-file", authority.certFile],
    ],
  });
});
afterAll(() => server.stop());

const secure = () => `rediss://:secret@localhost:${tlsPort}`;
const trusted = () => ({ ca: authority.cert, cert: client.cert, key: client.key });

test("a call goes there and back by way of TLS, with an own authority and a client certificate", async () => {
  const broker = redisBroker(secure(), { tls: trusted() });
  const worker = createWorker(
    broker,
    { test: { twice } },
    { test: { twice: (input: number) => input * 2 } },
    { logger: new TestLogger() },
  );
  await worker.start();
  expect(await createActorClient<Twice>(broker, twice).call(21)).toBe(42);
  await worker.stop();
  await broker.close();
});

test("ioredis options and a result store take the same TLS options", async () => {
  const options = { host: "localhost", port: tlsPort, password: "secret", tls: trusted() };
  const broker = redisBroker(options);
  await broker.publish([message(0)]);
  await broker.close();
  const store = redisResults(secure(), { tls: trusted() });
  await store.put("an-id", { ok: true, output: 1 }, 1000);
  await store.close();
});

test("a server with a name of its own is met under that name", async () => {
  const broker = redisBroker(`rediss://:secret@127.0.0.1:${tlsPort}`, {
    tls: { ...trusted(), servername: "localhost" },
  });
  await broker.publish([message(0)]);
  await broker.close();
});

/** The error of a send, once it is known to hold no secret. */
async function errorOf(url: string, options: RedisBrokerOptions = {}): Promise<Error> {
  const broker = redisBroker(url, { publishTimeout: "3s", ...options });
  const error: unknown = await broker.publish([message(0)]).catch((thrown: unknown) => thrown);
  await broker.close();
  if (!(error instanceof Error)) throw new Error("nothing was thrown");
  expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toMatch(/secret|PRIVATE KEY/);
  expect(error).toMatchObject({ code: "BROKER_UNAVAILABLE" });
  expect(error.message).toMatch(/^redis (localhost|127\.0\.0\.1):\d+\/0 /);
  return error;
}

refusesWhatDoesNotFit(() => ({ url: secure(), authority, stranger, client }), errorOf);

test.concurrent("plain text to a port that expects TLS is suspected", async () => {
  const error = await errorOf(`redis://:secret@localhost:${tlsPort}`);
  expect(error.message).toMatch(/; if this port expects TLS, write rediss:/);
});

test.concurrent("TLS to a port that expects plain text is suspected", async () => {
  const error = await errorOf(`rediss://:secret@localhost:${server.port}`, { publishTimeout: "2s", tls: trusted() });
  expect(error.message).toMatch(/did not answer.*; perhaps it does not speak TLS on this port: then write redis:\/\//);
});

test.each([
  [
    "options without TLS in the URL",
    "redis://:secret@localhost",
    { ca: "x" },
    /is not encrypted: with "tls", write rediss:/,
  ],
  [
    "a path for a certificate",
    "rediss://:secret@localhost",
    { cert: "client.crt" },
    /"tls" cannot be used: .* not their paths/,
  ],
])("%s are refused before anything is connected", (_, url, tls, text) => {
  expect(() => redisBroker(url, { tls })).toThrow(text);
  expect(() => redisBroker(url, { tls })).not.toThrow(/secret/);
});

test("a key that belongs to another certificate is refused before anything is connected", () => {
  const tls = { cert: client.cert, key: authority.key };
  expect(() => redisBroker("rediss://localhost", { tls })).toThrow(/"tls" cannot be used: key values mismatch/);
});
