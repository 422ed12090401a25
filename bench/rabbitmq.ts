/** Callboard on RabbitMQ, beside what plain amqplib does. Quorum queues, persistent messages, confirms. */
import { randomUUID } from "node:crypto";
import { connect, type Channel, type ConfirmChannel } from "amqplib";
import { createActorClient } from "callboard/client";
import { rabbitmqBroker } from "callboard/rabbitmq";
import type { Broker } from "../runtime/broker.js";
import { inFlight, rate, type Row } from "./measure.js";
import { body, callRate, Count, processRate, withWorker } from "./work.js";
import { order, ship } from "./order.js";

const SENDS = 40_000;
const PROCESSED = 40_000;
/** As many as a worker of concurrency 100 holds. */
const PREFETCH = 100;
const CALLS = 5_000;
const quorum = { durable: true, arguments: { "x-queue-type": "quorum" } } as const;

export function rabbitmqRows(url: string): readonly Row[] {
  return [
    {
      name: "RabbitMQ: send with confirms, 200 in flight",
      unit: "per second",
      contenders: [
        { name: "callboard", run: () => withBroker(url, sendRate) },
        { name: "amqplib, sendToQueue with confirms", run: () => withChannel(url, publishRate) },
      ],
    },
    {
      name: "RabbitMQ: process a no-op, concurrency 100",
      unit: "per second",
      contenders: [
        { name: "callboard", run: () => withBroker(url, (broker) => processRate(broker, PROCESSED)) },
        { name: "amqplib, prefetch 100, single acks", run: () => withChannel(url, (raw) => consumeRate(raw, 1)) },
        { name: "amqplib, prefetch 100, acks of 50", run: () => withChannel(url, (raw) => consumeRate(raw, 50)) },
      ],
    },
    {
      name: "RabbitMQ: call, 50 in flight",
      unit: "per second",
      contenders: [
        {
          name: "callboard",
          run: () => withBroker(url, (broker) => withWorker(broker, () => callRate(broker, CALLS))),
        },
      ],
    },
  ];
}

function sendRate(broker: Broker): Promise<number> {
  const client = createActorClient<typeof ship>(broker, ship);
  return rate(SENDS, () => inFlight(SENDS, 200, () => client.send(order)));
}

/** A connection of amqplib's with a queue of its own. */
interface Raw {
  readonly confirm: ConfirmChannel;
  readonly channel: Channel;
  readonly queue: string;
}

function publish({ confirm, queue }: Raw): Promise<void> {
  return new Promise((resolve, reject) => {
    confirm.sendToQueue(queue, Buffer.from(body), { persistent: true, mandatory: true }, (error: unknown) =>
      error === null ? resolve() : reject(error as Error),
    );
  });
}

function publishRate(raw: Raw): Promise<number> {
  return rate(SENDS, () => inFlight(SENDS, 200, () => publish(raw)));
}

async function consumeRate(raw: Raw, ackEvery: number): Promise<number> {
  await inFlight(PROCESSED, 1000, () => publish(raw));
  const { channel, queue } = raw;
  await channel.prefetch(PREFETCH);
  const handled = new Count(PROCESSED);
  let delivered = 0;
  await channel.consume(queue, (message) => {
    if (message === null) return;
    JSON.parse(message.content.toString());
    if (++delivered % ackEvery === 0) channel.ack(message, ackEvery > 1);
    handled.one();
  });
  return handled.perSecond;
}

async function withBroker(url: string, run: (broker: Broker) => Promise<number>): Promise<number> {
  const broker = rabbitmqBroker(url, { prefix: `bench.${randomUUID()}` });
  try {
    return await run(broker);
  } finally {
    await broker.close();
  }
}

async function withChannel(url: string, run: (raw: Raw) => Promise<number>): Promise<number> {
  const connection = await connect(url);
  const confirm = await connection.createConfirmChannel();
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue(`bench.${randomUUID()}`, quorum);
  try {
    return await run({ confirm, channel, queue });
  } finally {
    await channel.deleteQueue(queue).catch(() => undefined);
    await connection.close();
  }
}
