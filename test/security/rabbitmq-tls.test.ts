/** RabbitMQ by way of TLS: own authorities, client certificates, server names, and what is said where one of them is wrong. */
import { createActorClient, type Actor } from "callboard/client";
import { rabbitmqBroker, type RabbitmqBrokerOptions } from "callboard/rabbitmq";
import { createWorker } from "callboard/worker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { message } from "../conformance/broker.js";
import { createAuthority, type Authority, type Certificate } from "../setup/certificates.js";
import { freePort } from "../setup/program.js";
import { startRabbitmq, type RabbitmqServer } from "../setup/rabbitmq.js";
import { TestLogger, testActor } from "../support/actors.js";
import { refusesWhatDoesNotFit } from "./tls-refusals.js";

type Twice = Actor<{ input: number; output: number }>;
const twice: Twice = testActor("twice", { input: z.number(), output: z.number() });

let authority: Authority;
let stranger: Authority;
let client: Certificate;
let server: RabbitmqServer;
let tlsPort: number;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([createAuthority(), createAuthority()]);
  const [own, users] = await Promise.all([authority.issue("server", "DNS:localhost"), authority.issue("client")]);
  client = users;
  tlsPort = await freePort();
  server = await startRabbitmq({
    config: [
      `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
      `ssl_options.cacertfile = ${authority.certFile}`,
      `ssl_options.certfile = ${own.certFile}`,
      `ssl_options.keyfile = ${own.keyFile}`,
      "ssl_options.verify = verify_peer",
      "ssl_options.fail_if_no_peer_cert = true",
    ],
  });
}, 90_000);
afterAll(() => server.stop());

const secure = () => `amqps://guest:guest@localhost:${tlsPort}`;
const trusted = () => ({ ca: authority.cert, cert: client.cert, key: client.key });

test("a call goes there and back by way of TLS, with an own authority and a client certificate", async () => {
  const broker = rabbitmqBroker(secure(), { tls: trusted() });
  const worker = createWorker(
    broker,
    { test: { twice } },
    { test: { twice: (input: number) => input * 2 } },
    { logger: new TestLogger() },
  );
  await worker.start();
  expect(await createActorClient<Twice>(broker, twice).call(21, { timeout: "20s" })).toBe(42);
  await worker.stop();
  await broker.close();
});

test("a server with a name of its own is met under that name", async () => {
  const url = secure().replace("localhost", "127.0.0.1");
  const broker = rabbitmqBroker(url, { tls: { ...trusted(), servername: "localhost" } });
  await broker.publish([message(0)]);
  await broker.close();
});

/** The error of a send, once it is known to hold no secret. */
async function errorOf(url: string, options: RabbitmqBrokerOptions = {}): Promise<Error> {
  const broker = rabbitmqBroker(url.replace("guest:guest", "guest:secret"), options);
  const error: unknown = await broker.publish([message(0)]).catch((thrown: unknown) => thrown);
  await broker.close();
  if (!(error instanceof Error)) throw new Error("nothing was thrown");
  expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.toMatch(/secret|PRIVATE KEY/);
  expect(error).toMatchObject({ code: "BROKER_UNAVAILABLE" });
  expect(error.message).toMatch(/^rabbitmq (localhost|127\.0\.0\.1):\d+\/ /);
  return error;
}

refusesWhatDoesNotFit(() => ({ url: secure(), authority, stranger, client }), errorOf);

test.concurrent("plain text to a port that expects TLS is suspected", async () => {
  const error = await errorOf(`amqp://guest:secret@localhost:${tlsPort}`);
  expect(error.message).toMatch(/closed the connection before a word was said: if this port expects TLS, write amqps:/);
});

test.concurrent("TLS to a port that expects plain text is suspected", async () => {
  const error = await errorOf(secure().replace(String(tlsPort), String(server.port)), { tls: trusted() });
  expect(error.message).toMatch(/does not speak TLS on this port.* write amqp:\/\//);
});

test("TLS options beside a URL without TLS are refused before anything is connected", () => {
  const create = () => rabbitmqBroker("amqp://guest:secret@localhost", { tls: trusted() });
  expect(create).toThrow(/is not encrypted: with "tls", write amqps:\/\//);
  expect(create).not.toThrow(/secret/);
});
