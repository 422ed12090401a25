/** What the server is told of done messages: each once, none too early, in few words. */
import type { Message } from "amqplib";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { Acks } from "../../runtime/brokers/rabbitmq/acks.js";
import { turn } from "../support/eventually.js";

afterEach(() => vi.useRealTimers());

/** A server that pushed messages, and is as strict as RabbitMQ about what it is told. */
class Server {
  readonly unacked = new Set<number>();
  readonly told: string[] = [];
  readonly done = new Set<number>();
  closed = false;

  constructor(pushed: number) {
    for (let tag = 1; tag <= pushed; tag++) this.unacked.add(tag);
  }

  ack({ fields: { deliveryTag } }: Message, allUpTo = false): void {
    if (this.closed) throw new Error("the channel is closed");
    if (!this.unacked.has(deliveryTag)) throw new Error(`unknown delivery tag ${deliveryTag}`);
    this.told.push(allUpTo ? `up to ${deliveryTag}` : `${deliveryTag}`);
    for (const tag of this.unacked) {
      if (tag !== deliveryTag && !(allUpTo && tag < deliveryTag)) continue;
      if (!this.done.has(tag)) throw new Error(`${tag} is not done`);
      this.unacked.delete(tag);
    }
  }
}

interface Setting {
  readonly pushed: number;
  readonly pressing?: boolean;
}

function start({ pushed, pressing = true }: Setting) {
  const server = new Server(pushed);
  const counted: number[] = [];
  const acks = new Acks<{ readonly message: Message }>(server, {
    pressing: () => pressing,
    telling: (done) => counted.push(...done.map(({ message }) => message.fields.deliveryTag)),
    untold: () => new Error("no longer held"),
  });
  const done = (tag: number): Promise<void> => {
    server.done.add(tag);
    return acks.add({ message: message(tag) });
  };
  return { server, acks, done, counted };
}

function message(deliveryTag: number): Message {
  const fields = { deliveryTag, redelivered: false, exchange: "", routingKey: "work", consumerTag: "tag" };
  const unset = undefined;
  const properties = {
    contentType: unset,
    contentEncoding: unset,
    headers: unset,
    deliveryMode: unset,
    priority: unset,
    correlationId: unset,
    replyTo: unset,
    expiration: unset,
    messageId: unset,
    timestamp: unset,
    type: unset,
    userId: unset,
    appId: unset,
    clusterId: unset,
  };
  return { fields, properties, content: Buffer.alloc(0) };
}

test("one word speaks for all that was done in one turn", async () => {
  const { server, done, counted } = start({ pushed: 5 });
  await Promise.all([done(2), done(1), done(3)]);
  expect(server.told).toEqual(["up to 3"]);
  expect(counted).toEqual([2, 1, 3]);
});

test("what stands behind an unfinished message is told by itself, and not again later", async () => {
  const { server, done } = start({ pushed: 5 });
  await Promise.all([done(1), done(3), done(4)]);
  expect(server.told).toEqual(["up to 1", "3", "4"]);
  await done(2);
  expect(server.told.slice(3)).toEqual(["up to 2"]);
  await done(5);
  expect([...server.unacked]).toEqual([]);
});

test("a server that does not wait is told after a moment, of all that was done meanwhile", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const { server, done } = start({ pushed: 3, pressing: false });
  const first = done(1);
  await turn();
  const second = done(2);
  await turn();
  expect(server.told).toEqual([]);
  vi.advanceTimersByTime(10);
  await Promise.all([first, second]);
  expect(server.told).toEqual(["up to 2"]);
});

test("who acks on a closed channel learns that the message is no longer held", async () => {
  const { server, done } = start({ pushed: 2 });
  server.closed = true;
  await expect(Promise.all([done(1), done(2)])).rejects.toThrow("no longer held");
});

test("whatever the order, each message is told once and none before it is done", async () => {
  const orders = fc.integer({ min: 1, max: 30 }).chain((pushed) =>
    fc.tuple(
      fc.shuffledSubarray(
        Array.from({ length: pushed }, (_, index) => index + 1),
        { minLength: pushed },
      ),
      fc.array(fc.boolean(), { minLength: pushed, maxLength: pushed }),
    ),
  );
  await fc.assert(
    fc.asyncProperty(orders, async ([order, pauses]) => {
      const { server, acks, done, counted } = start({ pushed: order.length });
      const told: Promise<void>[] = [];
      for (const [index, tag] of order.entries()) {
        told.push(done(tag));
        if (pauses[index] === true) acks.flush();
      }
      await Promise.all(told);
      expect([...server.unacked]).toEqual([]);
      expect(counted).toEqual(order);
    }),
  );
});
