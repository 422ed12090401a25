/** Who may have killed its workers is handled alone, so that the next crash names it. */
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import type { Delivery } from "../../runtime/seams/broker.js";
import { suspectsQueue } from "../../runtime/brokers/rabbitmq/names.js";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { decodeEnvelope } from "../../runtime/wire/envelope.js";
import { message } from "../conformance/broker.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually } from "../support/eventually.js";
import { openBackend, type RabbitmqBackend } from "./backend.js";

const inputOf = ({ body }: Delivery) => decodeEnvelope(body).input;
const crashesOf = ({ body }: Delivery) => decodeEnvelope(body).crashes;

describe.each(["quorum", "classic"] as const)("in %s queues", (queueType) => {
  let backend: RabbitmqBackend;
  beforeEach(async () => {
    backend = await openBackend(inject("rabbitmqUrl"), () => ({ queueType }));
  });
  afterEach(() => backend.close());

  const waitingSuspects = async () =>
    (await backend.channel.checkQueue(suspectsQueue(backend.prefix, "work"))).messageCount;

  /** A worker takes so many messages and ends without a word, as a process that is killed. */
  async function dieWith(count: number): Promise<readonly Delivery[]> {
    const dying = backend.connect();
    const held = await new TestConsumer(dying, "work").take(count);
    await dying.close();
    return held;
  }

  /** Has workers die until all of these messages are suspects. */
  async function makeSuspects(inputs: readonly unknown[]): Promise<void> {
    await backend.connect().publish(inputs.map((input) => message(input)));
    for (let crashes = 0; crashes < defaults.broker.suspectCrashes; crashes++) await dieWith(inputs.length);
  }

  test("messages that outlived two workers come one at a time, beside all others", async () => {
    await makeSuspects([0, 1, 2]);
    const broker = backend.connect();
    const consumer = new TestConsumer(broker, "work");
    const first = await consumer.next();
    expect([inputOf(first), crashesOf(first)]).toEqual([0, 2]);
    await eventually("the others to wait on the server", async () => (await waitingSuspects()) === 2);
    await broker.publish([message("new")]);
    const fresh = await consumer.next();
    expect([inputOf(fresh), crashesOf(fresh)]).toEqual(["new", 0]);
    await first.ack();
    const second = await consumer.next();
    expect([inputOf(second), crashesOf(second)]).toEqual([1, 2]);
    await second.ack();
    const third = await consumer.next();
    expect([inputOf(third), crashesOf(third)]).toEqual([2, 2]);
  });

  test("a crash counts on the suspect that ran, and on no other", async () => {
    await makeSuspects([0, 1, 2]);
    const [suspect] = await dieWith(1);
    const consumer = new TestConsumer(backend.connect(), "work");
    const crashes = new Map<unknown, number>();
    for (let i = 0; i < 3; i++) {
      const delivery = await consumer.next();
      crashes.set(inputOf(delivery), crashesOf(delivery));
      await delivery.ack();
    }
    const ran = suspect && inputOf(suspect);
    expect(crashes).toEqual(new Map([0, 1, 2].map((input) => [input, input === ran ? 3 : 2])));
  });

  test("none runs, and may kill its worker, before the server knows that the others were moved", async () => {
    await makeSuspects([0, 1, 2]);
    backend.proxy.delay(100);
    const dying = backend.connect();
    await new TestConsumer(dying, "work").next();
    // As if it killed its worker: what is on its way arrives no more.
    await backend.proxy.sever();
    await dying.close();
    backend.proxy.restore();
    const consumer = new TestConsumer(backend.connect(), "work");
    const left: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const delivery = await consumer.next();
      left.push(inputOf(delivery));
      await delivery.ack();
    }
    expect(new Set(left)).toEqual(new Set([0, 1, 2]));
    await consumer.consumer.close();
    expect(await waitingSuspects()).toBe(0);
  });

  test("a suspect that is given back stays one, with its priority, and counts no crash", async () => {
    await backend.connect().publish([message("suspect", { priority: 7 })]);
    await dieWith(1);
    await dieWith(1);
    const consumer = new TestConsumer(backend.connect(), "work");
    for (let i = 0; i < 3; i++) {
      const delivery = await consumer.next();
      expect([crashesOf(delivery), delivery.priority]).toEqual([2, 7]);
      await delivery.release();
    }
    await (await consumer.next()).ack();
    await consumer.consumer.close();
    expect(await waitingSuspects()).toBe(0);
  });

  test("the next attempt of a suspect is a message like any other", async () => {
    await makeSuspects(["suspect"]);
    const consumer = new TestConsumer(backend.connect(), "work");
    await (await consumer.next()).retry(message("next attempt"));
    await consumer.consumer.close();
    const [retried] = await dieWith(1);
    expect(retried && [inputOf(retried), crashesOf(retried)]).toEqual(["next attempt", 0]);
    expect(await waitingSuspects()).toBe(0);
  });

  test("a worker that stops while it moves suspects leaves each of them once", async () => {
    const inputs = Array.from({ length: 50 }, (_, i) => i);
    await makeSuspects(inputs);
    backend.proxy.delay(50);
    const stopping = new TestConsumer(backend.connect(), "work");
    await eventually("the first to be moved", async () => (await waitingSuspects()) > 0);
    await stopping.consumer.close();
    backend.proxy.restore();
    const consumer = new TestConsumer(backend.connect(), "work");
    const left: unknown[] = [];
    for (const _ of inputs) {
      const delivery = await consumer.next();
      left.push(inputOf(delivery));
      await consumer.done(delivery);
    }
    expect(left.toSorted((a, b) => Number(a) - Number(b))).toEqual(inputs);
    await consumer.consumer.close();
    expect(await waitingSuspects()).toBe(0);
  });
});
