/** Delays are held by the server, on a ladder of queues: in order, never early, and through a restart. */
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { decodeEnvelope } from "../../runtime/wire/envelope.js";
import { Ladder } from "../../runtime/brokers/rabbitmq/ladder.js";
import { LADDER_STEPS, ladderStep } from "../../runtime/brokers/rabbitmq/names.js";
import { message } from "../conformance/broker.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually } from "../support/eventually.js";
import { openBackend, type RabbitmqBackend } from "./backend.js";

let backend: RabbitmqBackend;
beforeEach(async () => {
  backend = await openBackend(inject("rabbitmqUrl"));
});
afterEach(() => backend.close());

const inputOf = (body: string) => decodeEnvelope(body).input;

test("delays of 0.2, 1, 3 and 7 seconds fire in order and not early, whatever the order of sending", async () => {
  const broker = backend.connect();
  const consumer = new TestConsumer(broker, "work");
  const sent = Date.now();
  // At once: whoever is held up between two of them changes their order.
  await broker.publish([7000, 200, 3000, 1000].map((delay) => message(delay, { delay })));
  const came: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const delay = inputOf((await consumer.next()).body);
    came.push(delay);
    expect(Date.now() - sent).toBeGreaterThanOrEqual(Number(delay));
  }
  expect(came).toEqual([200, 1000, 3000, 7000]);
});

test("a delay of 40 minutes goes down every step that it needs, here a thousand times as fast", async () => {
  const broker = backend.connect({}, { delayScale: 1 / 1000 });
  const delay = 40 * 60_000;
  const started = Date.now();
  await broker.publish([message("later", { delay, priority: 7 })]);
  const consumer = new TestConsumer(broker, "work");
  const delivery = await consumer.next();
  expect(Date.now() - started).toBeGreaterThanOrEqual(delay / 1000);
  expect(delivery.priority).toBe(7);
  expect(inputOf(delivery.body)).toBe("later");
});

test("a message waits in the server and not in a worker", async () => {
  const broker = backend.connect();
  await broker.publish([message("far", { delay: 3_600_000 })]);
  const consumer = new TestConsumer(broker, "work");
  await backend.pass(100);
  const { step } = new Ladder(backend.prefix).rung("any", 3_600_000);
  await eventually("the message on its step", async () => {
    return (await backend.channel.checkQueue(ladderStep(backend.prefix, step))).messageCount === 1;
  });
  expect(consumer.deliveries).toEqual([]);
});

test("a due message whose queue was deleted is kept aside, not dropped", async () => {
  const broker = backend.connect();
  await broker.publish([message("orphan", { delay: 300 })]);
  await backend.channel.deleteQueue(`${backend.prefix}:work:5`);
  await eventually("the stray message", async () => {
    return (await backend.channel.checkQueue(`${backend.prefix}::stray`)).messageCount === 1;
  });
});

test("every delay from a millisecond to nine years has a way down that is long enough and hardly longer", () => {
  const ladder = new Ladder("test");
  const year = 365 * 24 * 3_600_000;
  for (const delay of [
    1,
    15,
    16,
    17,
    200,
    999,
    15_000,
    60_001,
    3_600_000,
    86_400_000,
    30 * 86_400_000,
    year,
    8 * year,
  ]) {
    const { step, exchange, routingKey } = ladder.rung("a.queue", delay);
    const words = routingKey.split(".");
    expect(words).toHaveLength(LADDER_STEPS + 1);
    expect(words.at(-1)).toBe("a/queue");
    expect(exchange).toBe(ladderStep("test", step));
    const steps = words.slice(0, -1).flatMap((bit, i) => (bit === "1" ? [LADDER_STEPS - 1 - i] : []));
    expect(steps[0]).toBe(step);
    const time = steps.reduce((sum, each) => sum + ladder.ttl(each), 0);
    expect(time).toBeGreaterThan(delay);
    // Rounded up to a step, by a thousandth, or by a second, whichever is least; and one millisecond for each step.
    expect(time - delay).toBeLessThanOrEqual(Math.min(1024, 16 + delay / 512) + steps.length);
  }
});
