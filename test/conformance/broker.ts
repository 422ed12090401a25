/** What every broker promises, shown on the seam itself. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Broker, DeadLetterInit, Publication } from "../../runtime/seams/broker.js";
import { decodeEnvelope, encodeEnvelope } from "../../runtime/wire/envelope.js";
import { BrokerClosedError, LeaseLostError } from "../../runtime/vocabulary/errors.js";
import { createId } from "../../runtime/wire/id.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually, turn } from "../support/eventually.js";
import type { Backend, BrokerHarness } from "./harness.js";

const QUEUE = "work";

/** A message whose input is easy to recognise. */
export function message(input: unknown, options: Partial<Publication> = {}): Publication {
  const id = options.id ?? createId();
  const inputJson = JSON.stringify(input);
  const body = encodeEnvelope({ id, actor: "test.actor", v: "00000000", at: 1, inputJson });
  return { id, queue: QUEUE, priority: 5, delay: 0, body, ...options };
}

export function letter(publication: Publication, init: Partial<DeadLetterInit> = {}): DeadLetterInit {
  return {
    id: publication.id,
    actor: "test.actor",
    queue: publication.queue,
    priority: publication.priority,
    reason: "retries-exhausted",
    error: { name: "Error", message: "it did not work", stack: "Error: it did not work\n    at work" },
    attempts: 3,
    sentAt: 1,
    body: publication.body,
    ...init,
  };
}

const inputs = (consumer: TestConsumer) => consumer.bodies().map((body) => decodeEnvelope(body).input);

export function describeBroker(name: string, harness: BrokerHarness): void {
  describe(`${name}: a broker`, () => {
    let backend: Backend;
    let broker: Broker;

    beforeEach(async () => {
      backend = await harness.open();
      broker = backend.connect();
    });
    afterEach(() => backend.close());

    /** A case; one that the broker cannot do is listed with its reason instead of run. */
    function promises(title: string, test: () => Promise<void>): void {
      const reason = harness.cannot[title];
      if (reason === undefined) it(title, test);
      else it(`cannot: ${title} (${reason})`, () => expect(reason).not.toBe(""));
    }

    promises("delivers what was published, byte for byte", async () => {
      const bodies = ['{"a": 1}', '{"text":"ä€😀\\u0000\\"\\n"}', "no JSON at all", `{"big":"${"x".repeat(100_000)}"}`];
      await broker.publish(bodies.map((body) => ({ ...message(0), body })));
      const consumer = new TestConsumer(broker, QUEUE);
      await consumer.take(4);
      expect(consumer.bodies()).toEqual(bodies);
    });

    promises("delivers in the order of publishing", async () => {
      for (let i = 0; i < 20; i++) await broker.publish([message(i)]);
      await broker.publish(Array.from({ length: 20 }, (_, i) => message(20 + i)));
      const consumer = new TestConsumer(broker, QUEUE);
      await consumer.take(40);
      expect(inputs(consumer)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    });

    promises("delivers higher priorities first", async () => {
      const priorities = [0, 5, 9, 3, 9, 0, 7];
      await broker.publish(priorities.map((priority, i) => message(`${priority}.${i}`, { priority })));
      // One at a time: what is held already cannot be overtaken.
      const consumer = new TestConsumer(broker, QUEUE, 1);
      for (let i = 0; i < priorities.length; i++) {
        const delivery = await consumer.next();
        expect(delivery.priority).toBe(Number(String(decodeEnvelope(delivery.body).input)[0]));
        await consumer.done(delivery);
      }
      expect(inputs(consumer)).toEqual(["9.2", "9.4", "7.6", "5.1", "3.3", "0.0", "0.5"]);
    });

    promises("wakes an idle consumer", async () => {
      const consumer = new TestConsumer(broker, QUEUE);
      await turn();
      await broker.publish([message("awake")]);
      await consumer.next();
      expect(inputs(consumer)).toEqual(["awake"]);
    });

    promises("takes no more than there are slots", async () => {
      await broker.publish(Array.from({ length: 5 }, (_, i) => message(i)));
      const consumer = new TestConsumer(broker, QUEUE, 2);
      const [first] = await consumer.take(2);
      await backend.pass(harness.times.soon);
      expect(inputs(consumer)).toEqual([0, 1]);
      if (first !== undefined) await consumer.done(first);
      await consumer.next();
      expect(inputs(consumer)).toEqual([0, 1, 2]);
    });

    promises("gives each message to one consumer", async () => {
      const other = new TestConsumer(backend.connect(), QUEUE, 1000);
      const consumer = new TestConsumer(broker, QUEUE, 1000);
      const count = 2000;
      for (let i = 0; i < count; i += 100) {
        await broker.publish(Array.from({ length: 100 }, (_, j) => message(i + j)));
      }
      const settled = new Set<unknown>();
      await eventually("all messages", async () => {
        for (const each of [consumer, other]) {
          for (const delivery of each.deliveries) {
            if (settled.has(delivery)) continue;
            settled.add(delivery);
            await each.done(delivery);
          }
        }
        return settled.size === count;
      });
      const all = [...inputs(consumer), ...inputs(other)].map(Number).sort((a, b) => a - b);
      expect(all).toEqual(Array.from({ length: count }, (_, i) => i));
    });

    promises("keeps queues apart", async () => {
      await broker.publish([message("here"), message("there", { queue: "other" })]);
      const consumer = new TestConsumer(broker, QUEUE);
      const other = new TestConsumer(broker, "other");
      await consumer.next();
      expect((await other.next()).queue).toBe("other");
      await backend.pass(harness.times.soon);
      expect([inputs(consumer), inputs(other)]).toEqual([["here"], ["there"]]);
    });

    promises("takes thousands of messages at once", async () => {
      const count = 5000;
      await broker.publish(Array.from({ length: count }, (_, i) => message(i)));
      const consumer = new TestConsumer(broker, QUEUE, count);
      await eventually("all messages", () => consumer.deliveries.length === count);
      expect(inputs(consumer)).toEqual(Array.from({ length: count }, (_, i) => i));
    });

    promises("holds a delayed message back until it is due", async () => {
      const started = Date.now();
      await broker.publish([message("later", { delay: 600 }), message("now")]);
      const consumer = new TestConsumer(broker, QUEUE);
      await consumer.next();
      if (backend.clock !== undefined) {
        await backend.pass(599);
        expect(inputs(consumer)).toEqual(["now"]);
      }
      await backend.pass(1);
      await consumer.next();
      if (backend.clock === undefined) expect(Date.now() - started).toBeGreaterThanOrEqual(600);
      expect(inputs(consumer)).toEqual(["now", "later"]);
    });

    promises("never keeps a near message behind a far one", async () => {
      await broker.publish([message("far", { delay: 3_600_000 })]);
      // At once: whoever is held up between two of them changes their order.
      const delays = { third: 900, second: 500, first: 100 };
      await broker.publish(Object.entries(delays).map(([input, delay]) => message(input, { delay })));
      const consumer = new TestConsumer(broker, QUEUE);
      await backend.pass(1000);
      await consumer.take(3);
      expect(inputs(consumer)).toEqual(["first", "second", "third"]);
    });

    promises("wakes a consumer that sleeps for a nearer message", async () => {
      const consumer = new TestConsumer(broker, QUEUE);
      await broker.publish([message("far", { delay: 3_600_000 })]);
      await backend.pass(harness.times.soon);
      await broker.publish([message("near", { delay: 50 })]);
      await backend.pass(50);
      await consumer.next();
      expect(inputs(consumer)).toEqual(["near"]);
    });

    promises("keeps a delayed message's priority", async () => {
      await broker.publish([message("low", { delay: 50, priority: 1 }), message("high", { delay: 50, priority: 8 })]);
      await backend.pass(100 + harness.times.grain);
      const consumer = new TestConsumer(broker, QUEUE, 1);
      for (let i = 0; i < 2; i++) await consumer.done(await consumer.next());
      expect(inputs(consumer)).toEqual(["high", "low"]);
      expect(consumer.deliveries.map(({ priority }) => priority)).toEqual([8, 1]);
    });

    promises("forgets a message that is acked", async () => {
      await broker.publish([message("once")]);
      const consumer = new TestConsumer(backend.connectBriefly(), QUEUE);
      await (await consumer.next()).ack();
      await consumer.consumer.close();
      const other = new TestConsumer(backend.connect(), QUEUE);
      await backend.pass(harness.times.recovery);
      expect(inputs(other)).toEqual([]);
    });

    promises("puts a retry in the place of its message, after its delay", async () => {
      const first = message("first attempt");
      await broker.publish([first]);
      const consumer = new TestConsumer(broker, QUEUE);
      const delivery = await consumer.next();
      await delivery.retry({ ...message("second attempt"), id: first.id, delay: 300 });
      consumer.freeSlot();
      await turn();
      expect(consumer.deliveries).toHaveLength(1);
      await backend.pass(300);
      await consumer.next();
      expect(inputs(consumer)).toEqual(["first attempt", "second attempt"]);
    });

    promises("takes a retry without a delay at once", async () => {
      await broker.publish([message("first attempt")]);
      const consumer = new TestConsumer(broker, QUEUE);
      await (await consumer.next()).retry(message("second attempt"));
      consumer.freeSlot();
      await consumer.next();
      expect(inputs(consumer)).toEqual(["first attempt", "second attempt"]);
    });

    promises("gives a released message back, untouched and first in line", async () => {
      await broker.publish([message(0), message(1), message(2)]);
      const consumer = new TestConsumer(broker, QUEUE, 1);
      const delivery = await consumer.next();
      await delivery.release();
      consumer.freeSlot();
      const again = await consumer.next();
      expect(again.body).toBe(delivery.body);
      await consumer.done(again);
      await consumer.next();
      expect(inputs(consumer)).toEqual([0, 0, 1]);
    });

    promises("settles a message once", async () => {
      await broker.publish([message(0)]);
      const consumer = new TestConsumer(broker, QUEUE);
      const delivery = await consumer.next();
      await delivery.ack();
      await expect(delivery.ack()).rejects.toThrow(LeaseLostError);
      await expect(delivery.release()).rejects.toThrow(LeaseLostError);
      await expect(delivery.retry(message(1))).rejects.toThrow(LeaseLostError);
      await expect(delivery.reject(letter(message(2)))).rejects.toThrow(LeaseLostError);
      expect(await broker.deadLetters.list(QUEUE)).toEqual([]);
    });

    promises("keeps dead letters with all that is known of them, the newest first", async () => {
      const messages = [message("a"), message("b", { priority: 7 }), { ...message("c"), body: "no JSON" }];
      await broker.publish(messages);
      const consumer = new TestConsumer(broker, QUEUE, 1);
      const letters: DeadLetterInit[] = [];
      for (let i = 0; i < 3; i++) {
        const delivery = await consumer.next();
        const found = messages.find(({ body }) => body === delivery.body) ?? message("none");
        const init = letter(found, i === 2 ? { reason: "undecodable", actor: undefined, sentAt: undefined } : {});
        letters.push(init);
        await delivery.reject(init);
        await backend.pass(5);
        consumer.freeSlot();
      }
      const dead = await broker.deadLetters.list(QUEUE);
      expect(dead.map(({ diedAt: _, ...init }) => init)).toEqual(
        letters.toReversed().map((init) => JSON.parse(JSON.stringify(init)) as unknown),
      );
      for (const { diedAt } of dead) expect(Number.isSafeInteger(diedAt)).toBe(true);
      expect(await broker.deadLetters.list(QUEUE, { limit: 1 })).toHaveLength(1);
      expect(await broker.deadLetters.list("other")).toEqual([]);
    });

    promises("replays a dead letter as a first attempt with the same id and input", async () => {
      const sent = message({ precise: "input" });
      const third = sent.body.replace('"at":1', '"at":1,"attempt":3,"crashes":2');
      await broker.publish([{ ...sent, body: third }]);
      const consumer = new TestConsumer(broker, QUEUE);
      await (await consumer.next()).reject(letter(sent, { body: third }));
      expect(await broker.deadLetters.replay(QUEUE, "no such id")).toBe(false);
      expect(await broker.deadLetters.replay(QUEUE, sent.id)).toBe(true);
      expect(await broker.deadLetters.replay(QUEUE, sent.id)).toBe(false);
      consumer.freeSlot();
      const again = await consumer.next();
      expect(decodeEnvelope(again.body)).toEqual(decodeEnvelope(sent.body));
      expect(await broker.deadLetters.list(QUEUE)).toEqual([]);
    });

    promises("purges dead letters", async () => {
      const messages = [message(0), message(1)];
      await broker.publish(messages);
      const consumer = new TestConsumer(broker, QUEUE);
      for (const each of messages) await (await consumer.next()).reject(letter(each));
      expect(await broker.deadLetters.purge(QUEUE)).toBe(2);
      expect(await broker.deadLetters.purge(QUEUE)).toBe(0);
      expect(await broker.deadLetters.list(QUEUE)).toEqual([]);
    });

    promises("forgets dead letters after their time", async () => {
      const brief = backend.connectBriefly();
      await brief.publish([message(0)]);
      const consumer = new TestConsumer(brief, QUEUE);
      await (await consumer.next()).reject(letter(message(0)));
      expect(await brief.deadLetters.list(QUEUE)).toHaveLength(1);
      await backend.pass(harness.times.deadLetterTtl);
      await eventually("the dead letter to be gone", async () => (await brief.deadLetters.list(QUEUE)).length === 0);
    });

    promises("takes no more after stop, but can still settle", async () => {
      await broker.publish([message(0)]);
      const consumer = new TestConsumer(broker, QUEUE);
      const delivery = await consumer.next();
      await consumer.consumer.stop();
      expect(consumer.consumer.healthy).toBe(false);
      await broker.publish([message(1)]);
      consumer.freeSlot();
      await backend.pass(harness.times.soon);
      expect(inputs(consumer)).toEqual([0]);
      await delivery.ack();
      const other = new TestConsumer(backend.connect(), QUEUE);
      await other.next();
      expect(inputs(other)).toEqual([1]);
    });

    promises("wakes another consumer in the place of one that stopped", async () => {
      const stopped = new TestConsumer(broker, QUEUE);
      const other = new TestConsumer(backend.connect(), QUEUE);
      await backend.pass(harness.times.soon);
      await stopped.consumer.stop();
      await broker.publish([message(0)]);
      await other.next();
      expect(inputs(stopped)).toEqual([]);
    });

    promises("gives back at once what a closed consumer holds, untouched", async () => {
      await broker.publish([message(0), message(1)]);
      const consumer = new TestConsumer(broker, QUEUE);
      const [first] = await consumer.take(2);
      await consumer.consumer.close();
      const other = new TestConsumer(backend.connect(), QUEUE);
      await other.take(2);
      expect(other.bodies()).toEqual(consumer.bodies());
      await expect(first?.ack()).rejects.toThrow(LeaseLostError);
    });

    promises("recovers what a dead worker held, and counts the crash", async () => {
      await broker.publish([message(0), message(1)]);
      const dying = backend.connectBriefly();
      const consumer = new TestConsumer(dying, QUEUE);
      await consumer.take(2);
      // Without a word, as a process ends that is killed.
      await dying.close();
      const other = new TestConsumer(broker, QUEUE);
      await backend.pass(harness.times.recovery);
      await other.take(2);
      expect(inputs(other)).toEqual([0, 1]);
      expect(other.bodies().map((body) => decodeEnvelope(body).crashes)).toEqual([1, 1]);
    });

    promises("keeps a lease alive while nothing moves", async () => {
      await broker.publish([message(0)]);
      const consumer = new TestConsumer(backend.connectBriefly(), QUEUE, 1);
      const delivery = await consumer.next();
      const other = new TestConsumer(backend.connect(), QUEUE);
      await backend.pass(harness.times.recovery * 2);
      expect(other.deliveries).toEqual([]);
      expect(consumer.lost).toEqual([]);
      await delivery.ack();
    });

    promises("refuses to settle what has lost its lease, tells so, and goes on", async () => {
      await broker.publish([message(0)]);
      const consumer = new TestConsumer(broker, QUEUE);
      const delivery = await consumer.next();
      await backend.endLeases(QUEUE);
      await expect(delivery.ack()).rejects.toThrow(LeaseLostError);
      await eventually("the loss to be told", () => consumer.lost.includes(delivery));
      // It is in other hands, or in this consumer's again: but once, and with the crash counted.
      consumer.freeSlot();
      const again = await consumer.next();
      expect(decodeEnvelope(again.body).crashes).toBe(1);
      await again.ack();
      consumer.freeSlot();
      await broker.publish([message(1)]);
      await consumer.next();
      expect(inputs(consumer)).toEqual([0, 0, 1]);
    });

    promises("refuses every use after it was closed", async () => {
      await broker.close();
      await expect(broker.publish([message(0)])).rejects.toThrow(BrokerClosedError);
      expect(() => new TestConsumer(broker, QUEUE)).toThrow(BrokerClosedError);
      await broker.close();
    });

    promises("tells those who wait for a result at once that it is closed", async () => {
      await broker.results.address();
      const waiting = broker.results.wait("of a message that nobody handles", { timeout: 60_000, addressed: true });
      const told = expect(waiting).rejects.toThrow(BrokerClosedError);
      await broker.close();
      await told;
    });

    promises("says where it is", async () => {
      expect(broker.name).toMatch(new RegExp(`^${name}`));
    });
  });
}
