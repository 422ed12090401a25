/** The known pitfalls of AMQP and of RabbitMQ, one test each: Callboard does not fall into them. */
import { createActorClient, type Actor } from "callboard/client";
import { createWorker } from "callboard/worker";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { decodeEnvelope } from "../../runtime/wire/envelope.js";
import { createId } from "../../runtime/wire/id.js";
import { message } from "../conformance/broker.js";
import { startRabbitmq, type RabbitmqServer } from "../setup/rabbitmq.js";
import { testActor, TestLogger } from "../support/actors.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually } from "../support/eventually.js";
import { openBackend, type RabbitmqBackend } from "./backend.js";

// A node of our own: some of these tests upset it.
let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq();
}, 120_000);
afterAll(() => server.stop());

let backend: RabbitmqBackend;
beforeEach(async () => {
  backend = await openBackend(server.url);
});
afterEach(() => backend.close());

const waiting = async (name: string) => (await backend.channel.checkQueue(`${backend.prefix}:${name}`)).messageCount;
const inputs = (consumer: TestConsumer) => consumer.bodies().map((body) => decodeEnvelope(body).input);

test("1. a late ack does not reach the channel that came after, and so does not kill it", async () => {
  const broker = backend.connect();
  const consumer = new TestConsumer(broker, "work");
  await broker.publish([message("old")]);
  const old = await consumer.next();
  await backend.proxy.cut();
  await expect(old.ack()).rejects.toMatchObject({ code: "LEASE_LOST" });
  await (await consumer.next()).ack();
  await broker.publish([message("new")]);
  await (await consumer.next()).ack();
  expect(inputs(consumer)).toEqual(["old", "old", "new"]);
  expect(consumer.lost).toEqual([old]);
});

test("2. a message that found no queue was confirmed, and is reported all the same", async () => {
  const broker = backend.connect();
  await broker.publish([message(0)]);
  await backend.channel.deleteQueue(`${backend.prefix}:work:5`);
  const refused = broker.publish([message(1)]);
  await expect(refused).rejects.toMatchObject({ code: "BROKER_REFUSED" });
  await expect(refused).rejects.toThrow(/no place for it: it was deleted meanwhile/);
  await broker.publish([message(2)]);
  expect(await waiting("work:5")).toBe(1);
});

test("3. a full write buffer does not have messages sent twice", async () => {
  const broker = backend.connect();
  await Promise.all(Array.from({ length: 5000 }, (_, i) => broker.publish([message(i)])));
  expect(await waiting("work:5")).toBe(5000);
});

test("4. a long delay holds no short one up", async () => {
  const broker = backend.connect();
  await broker.publish([message("long", { delay: 60_000 })]);
  await broker.publish([message("short", { delay: 100 })]);
  const consumer = new TestConsumer(broker, "work");
  expect(decodeEnvelope((await consumer.next()).body).input).toBe("short");
});

test("5. a subscription that the server ends is made again, and the deleted queue declared anew", async () => {
  const broker = backend.connect();
  const consumer = new TestConsumer(broker, "work");
  await eventually("health", () => consumer.consumer.healthy);
  await backend.channel.deleteQueue(`${backend.prefix}:work:5`);
  await eventually("the loss", () => consumer.notices.some((notice) => notice.includes("ended the subscription")));
  await eventually("health again", () => consumer.consumer.healthy);
  await broker.publish([message(0)]).catch(() => broker.publish([message(0)]));
  await consumer.next();
});

test("6. a message that runs longer than the server's own limit is taken away, and the worker is told", async () => {
  await server.ctl("eval", "application:set_env(rabbit, channel_tick_interval, 200).");
  await server.ctl("eval", "application:set_env(rabbit, consumer_timeout, 500).");
  try {
    const broker = backend.connect();
    const consumer = new TestConsumer(broker, "work");
    await broker.publish([message(0)]);
    const slow = await consumer.next();
    await eventually("the loss", () => consumer.lost.includes(slow));
    await expect(slow.ack()).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(consumer.notices.join()).toMatch(/timeout/i);
    const again = await consumer.next();
    expect(decodeEnvelope(again.body).crashes).toBe(1);
    await again.ack();
  } finally {
    await server.ctl("eval", "application:set_env(rabbit, consumer_timeout, 1800000).");
  }
});

test("7. a queue with other arguments costs neither the connection nor the messages of other queues", async () => {
  await backend.channel.assertQueue(`${backend.prefix}:other:5`, { durable: true });
  const broker = backend.connect();
  await broker.publish([message(0)]);
  const connections = backend.proxy.connections;
  const results = await Promise.allSettled([
    broker.publish([message(1)]),
    broker.publish([message(2, { queue: "other" })]),
    broker.publish([message(3)]),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await waiting("work:5")).toBe(3);
  expect(backend.proxy.connections).toBe(connections);
});

test("8. confirms that pause for a while fail no message", async () => {
  const broker = backend.connect();
  await broker.publish([message(0)]);
  server.pause();
  const sent = Promise.all(Array.from({ length: 100 }, (_, i) => broker.publish([message(i)])));
  await backend.pass(1000);
  server.resume();
  await sent;
  expect(await waiting("work:5")).toBe(101);
});

test("9. a server short of memory blocks senders, is visible, and still takes acks", async () => {
  const broker = backend.connect({ publishTimeout: "500ms" });
  const consumer = new TestConsumer(broker, "work", 1);
  await broker.publish([message(0), message(1)]);
  const first = await consumer.next();
  await eventually("health", () => consumer.consumer.healthy);
  await server.ctl("set_vm_memory_high_watermark", "0.0000001");
  try {
    // The server looks at its memory now and then: what it takes before that is taken.
    const refusal = async () => String(await broker.publish([message(2)]).catch((error: unknown) => error));
    await eventually("the alarm", async () => /takes no messages at present: low on memory/.test(await refusal()));
    expect(consumer.consumer.healthy).toBe(false);
    expect(consumer.notices.join()).toContain("the server takes no messages: low on memory");
    await consumer.done(first);
    await consumer.next();
  } finally {
    await server.ctl("set_vm_memory_high_watermark", "0.4");
  }
  await eventually("health again", () => consumer.consumer.healthy);
});

type Double = Actor<{ input: number; output: number }>;
const double: Double = testActor("double", { input: z.number(), output: z.number() });

test("10. an answer needs no pseudo-queue: it comes over another connection than the question", async () => {
  const broker = backend.connect();
  expect(await broker.results.address()).toMatch(new RegExp(`^${backend.prefix}::reply:`));
  const handlers = { test: { double: (input: number) => input * 2 } };
  const worker = createWorker(backend.connect(), { test: { double } }, handlers, { logger: new TestLogger() });
  await worker.start();
  expect(await createActorClient<Double>(broker, double).call(21)).toBe(42);
  await worker.stop();
});

test("11. the queue of answers outlives a loss of the connection", async () => {
  const broker = backend.connect();
  let answer: (value: number) => void = () => undefined;
  let running = 0;
  const handlers = { test: { double: () => (running++, new Promise<number>((resolve) => (answer = resolve))) } };
  const options = { logger: new TestLogger(), shutdownTimeout: 50 };
  const worker = createWorker(backend.connect(), { test: { double } }, handlers, options);
  await worker.start();
  const call = createActorClient<Double>(broker, double).call(21, { timeout: "20s" });
  await eventually("the handler", () => running === 1);
  await backend.proxy.cut();
  await eventually("the handler of the message that was given again", () => running === 2);
  answer(42);
  expect(await call).toBe(42);
  await worker.stop();
});

test("12. a process that was blocked for too long learns that it has lost its messages", async () => {
  const broker = backend.connect({ heartbeat: "1s" });
  const consumer = new TestConsumer(broker, "work");
  await broker.publish([message(0)]);
  const held = await consumer.next();
  const end = Date.now() + 5000;
  while (Date.now() < end);
  await eventually("the loss", () => consumer.lost.includes(held));
  await expect(held.ack()).rejects.toMatchObject({ code: "LEASE_LOST" });
  await consumer.next();
});

test("13. a message that is given back again and again stays one message, and counts no crash", async () => {
  const broker = backend.connect();
  const consumer = new TestConsumer(broker, "work", 1);
  const sent = message("again");
  await broker.publish([sent]);
  for (let i = 0; i < 30; i++) {
    const delivery = await consumer.next();
    expect(delivery.body).toBe(sent.body);
    expect(delivery.priority).toBe(5);
    await delivery.release();
    consumer.freeSlot();
  }
  await consumer.done(await consumer.next());
  await consumer.consumer.close();
  expect((await waiting("work:5")) + (await waiting("work:6"))).toBe(0);
});

test("14. a message of many frames travels, and one that the server finds too large costs one channel only", async () => {
  const broker = backend.connect();
  const consumer = new TestConsumer(broker, "work");
  const large = "x".repeat(1_000_000);
  await broker.publish([message(large)]);
  expect(decodeEnvelope((await consumer.next()).body).input).toBe(large);
  const connections = backend.proxy.connections;
  await server.ctl(
    "eval",
    "persistent_term:put(max_message_size, 1000), application:set_env(rabbit, max_message_size, 1000).",
  );
  try {
    const refused = createBroker().publish([{ ...message(large), id: createId() }]);
    await expect(refused).rejects.toThrow(/larger than|max size|message size/i);
    await broker.publish([message("small")]);
    await consumer.next();
    expect(backend.proxy.connections).toBeGreaterThanOrEqual(connections);
  } finally {
    await server.ctl("eval", "application:set_env(rabbit, max_message_size, 134217728).");
  }

  /** Channels learn the limit when they are opened. */
  function createBroker() {
    return backend.connect();
  }
});

test("15. a suspect that cannot be moved for a while takes nothing else out of its worker's hands", async () => {
  await backend.connect().publish([message("suspect")]);
  for (let deaths = 0; deaths < 2; deaths++) {
    const dying = backend.connect();
    await new TestConsumer(dying, "work").next();
    await dying.close();
  }
  const broker = backend.connect({ publishTimeout: "200ms" });
  await broker.publish([message("other", { queue: "other" })]);
  await server.ctl("set_vm_memory_high_watermark", "0.0000001");
  try {
    const consumer = new TestConsumer(broker, "work");
    await eventually("the trouble", () => consumer.notices.some((notice) => notice.includes("what dead workers left")));
    // It is held, and on no other queue yet.
    const connections = backend.proxy.connections;
    await backend.pass(1000);
    expect(consumer.deliveries).toEqual([]);
    expect(backend.proxy.connections).toBe(connections);
    await server.ctl("set_vm_memory_high_watermark", "0.4");
    const suspect = await consumer.next();
    expect([decodeEnvelope(suspect.body).input, decodeEnvelope(suspect.body).crashes]).toEqual(["suspect", 2]);
    await suspect.ack();
    await eventually("health again", () => consumer.consumer.healthy);
  } finally {
    await server.ctl("set_vm_memory_high_watermark", "0.4");
  }
});
