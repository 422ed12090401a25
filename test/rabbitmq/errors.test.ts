/** What people are told when something is wrong: what, where, and what to do; never a password. */
import { createServer, type AddressInfo } from "node:net";
import { rabbitmqBroker, type RabbitmqBrokerOptions } from "callboard/rabbitmq";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { BrokerClosedError } from "../../runtime/vocabulary/errors.js";
import { message } from "../conformance/broker.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually } from "../support/eventually.js";
import { openBackend, type RabbitmqBackend } from "./backend.js";

let backend: RabbitmqBackend;
beforeEach(async () => {
  backend = await openBackend(inject("rabbitmqUrl"));
});
afterEach(() => backend.close());

/** The error of a send by way of a URL, once it is known to hold no password. */
async function errorOf(url: string, options: RabbitmqBrokerOptions = {}): Promise<Error> {
  const broker = rabbitmqBroker(url, { prefix: backend.prefix, ...options });
  const error: unknown = await broker.publish([message(0)]).catch((thrown: unknown) => thrown);
  await broker.close();
  if (!(error instanceof Error)) throw new Error("nothing was thrown");
  expect(error.message).not.toContain("secret");
  return error;
}

const changed = (change: (url: URL) => void) => {
  const url = new URL(inject("rabbitmqUrl"));
  change(url);
  return url.href;
};

test("a refused login names the user", async () => {
  const error = await errorOf(changed((url) => (url.password = "secret")));
  expect(error).toMatchObject({ code: "BROKER_REFUSED" });
  expect(error.message).toMatch(/^rabbitmq 127\.0\.0\.1:\d+\/ refused the login of user "guest": check/);
});

test("a wrong virtual host is named", async () => {
  const error = await errorOf(changed((url) => (url.pathname = "/nowhere")));
  expect(error).toMatchObject({ code: "BROKER_REFUSED" });
  expect(error.message).toMatch(
    /refused the virtual host "nowhere": it does not exist, or user "guest" may not use it/,
  );
});

test("TLS on a port without TLS says so", async () => {
  const error = await errorOf(inject("rabbitmqUrl").replace("amqp:", "amqps:"));
  expect(error).toMatchObject({ code: "BROKER_UNAVAILABLE" });
  expect(error.message).toMatch(/does not speak TLS on this port: write amqp:\/\//);
}, 20_000);

test("a port that hangs up without a word is suspected of TLS", async () => {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const error = await errorOf(`amqp://guest:secret@127.0.0.1:${(server.address() as AddressInfo).port}`);
  server.close();
  expect(error.message).toMatch(/if this port expects TLS, write amqps:\/\//);
}, 20_000);

test("a server that is not there is named", async () => {
  const error = await errorOf("amqp://guest:secret@127.0.0.1:1/vhost");
  expect(error).toMatchObject({ code: "BROKER_UNAVAILABLE" });
  expect(error.message).toMatch(/^rabbitmq 127\.0\.0\.1:1\/vhost cannot be reached: .*ECONNREFUSED/);
}, 20_000);

test("a queue that exists with other arguments is named, with the argument and the remedy", async () => {
  const name = `${backend.prefix}:work:5`;
  await backend.channel.assertQueue(name, { durable: true, arguments: { "x-queue-type": "classic" } });
  const broker = backend.connect();
  const error: unknown = await broker.publish([message(0)]).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "BROKER_REFUSED" });
  expect(String(error)).toContain(`has the queue "${name}" with another "x-queue-type"`);
  expect(String(error)).toContain('set "queueType" to what it is');

  // The worker says the same, and takes up its work once the fault is mended.
  const consumer = new TestConsumer(broker, "work");
  await eventually("the notice", () => consumer.notices.some((notice) => notice.includes('another "x-queue-type"')));
  expect(consumer.consumer.healthy).toBe(false);
  await backend.channel.deleteQueue(name);
  await eventually("health", () => consumer.consumer.healthy);
  await broker.publish([message(1)]);
  await consumer.next();
});

test.each([
  ["no URL", "rabbit:secret@host", {}, /is no RabbitMQ URL: it begins with "rabbit:"/],
  ["nothing like a URL", "secret", {}, /is no URL\. Write amqp:/],
  ["a Redis URL", "redis://:secret@host", {}, /"redis:\/\/\*\*\*@host" is no RabbitMQ URL/],
  ["a password with a slash", "amqp://u:sec/secret@host", {}, /"amqp:\/\/\*\*\*@host"/],
  ["parameters", "amqp://u:secret@host?heartbeat=5", {}, /takes no parameters here/],
  ["a deep path", "amqp://u:secret@host/a/b", {}, /write a slash in it as %2F/],
  ["an unknown option", "amqp://host", { prefetch: 10 }, /no option "prefetch" of rabbitmqBroker/],
  ["a mistyped option", "amqp://host", { quueType: "classic" }, /Did you mean "queueType"\?/],
  ["a wrong queue type", "amqp://host", { queueType: "stream" }, /"queueType" must be "quorum" or "classic"/],
  ["a wrong duration", "amqp://host", { deadLetterTtl: "soon" }, /"deadLetterTtl" must be a duration/],
  ["a wrong prefix", "amqp://host", { prefix: "a:b" }, /"prefix" may hold/],
  ["no URL of several", [], {}, /needs a URL, or several of one cluster/],
  ["one URL of several", ["amqp://host", "u:secret@host"], {}, /is no RabbitMQ URL/],
  [
    "a node in another virtual host",
    ["amqp://u:secret@a/shop", "amqp://u:secret@b"],
    {},
    /share their virtual hosts: rabbitmq b:5672\/ is not in the one of rabbitmq a:5672\/shop/,
  ],
  ["a store that is none", "amqp://host", { results: {} }, /"results" must be a result store/],
])("%s is refused before anything is connected", (_, url, options, text) => {
  const attempt = () => rabbitmqBroker(url, options as RabbitmqBrokerOptions);
  expect(attempt).toThrow(text);
  if (String(url).includes("@")) expect(attempt).not.toThrow(/secret/);
});

test("of several nodes, one that answers is found, and the first is named until then", async () => {
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(0, "127.0.0.1", resolve));
  const { port } = dead.address() as AddressInfo;
  await new Promise((resolve) => dead.close(resolve));
  const urls = [`amqp://guest:secret@127.0.0.1:${port}`, backend.proxy.url];
  const broker = rabbitmqBroker(urls, { prefix: backend.prefix });
  const nodes = urls.map((url) => new URL(url).host);
  expect(broker.name).toBe(`rabbitmq ${nodes[0]}/, ${nodes[1]}`);
  await broker.publish([message("first")]);
  // The one that was found is lost, and found again.
  await backend.proxy.sever();
  const lost: unknown = await broker.publish([message("lost")]).catch((error: unknown) => error);
  expect(lost).toMatchObject({ code: "BROKER_UNAVAILABLE" });
  expect(String(lost)).not.toContain("secret");
  backend.proxy.restore();
  await eventually("the node to be back", async () =>
    broker.publish([message("last")]).then(
      () => true,
      () => false,
    ),
  );
  await broker.close();
});

test("a connection that comes when nobody wants it any more may be lost without a word", async () => {
  // The cut has to come between the handshake and its end, wherever that is on this machine.
  for (let milliseconds = 0; milliseconds < 20; milliseconds++) {
    const broker = backend.connect();
    const sent = broker.publish([message("late")]).catch((error: unknown) => error);
    await broker.close();
    await backend.pass(milliseconds);
    await backend.proxy.cut();
    expect(await sent).toBeInstanceOf(BrokerClosedError);
  }
});
