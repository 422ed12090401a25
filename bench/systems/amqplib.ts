/** Plain amqplib, as its documentation has it: durable queues, persistent messages, publisher confirms, a prefetch. */
import { randomUUID } from "node:crypto";
import { connect, type Channel, type ChannelModel, type ConfirmChannel, type ConsumeMessage } from "amqplib";
import type { Order, Payload } from "../order.js";
import type { Place, Session, Setting, System, Work, Working } from "../system.js";

/** Each message is acked when it was handled. */
export const singleAcks: System = { pace: 35_000, open: (place, setting) => open(place, setting, 1) };

/** Every fiftieth ack is for all before it: what a crash brings back is more. */
export const batchedAcks: System = { pace: 60_000, open: (place, setting) => open(place, setting, 50) };

async function open({ url, prefix }: Place, { queueType = "quorum" }: Setting, ackEvery: number): Promise<Session> {
  // Otherwise a small message waits 40 ms for the server to acknowledge the one before.
  const connection = await connect(url, { noDelay: true });
  const confirming = await connection.createConfirmChannel();
  const asking = await connection.createChannel();
  await confirming.assertQueue(prefix, { durable: true, arguments: { "x-queue-type": queueType } });
  const session = new AmqplibSession({ connection, confirming, asking, queue: prefix }, ackEvery);
  await session.listen();
  return session;
}

interface Connected {
  readonly connection: ChannelModel;
  readonly confirming: ConfirmChannel;
  readonly asking: Channel;
  readonly queue: string;
}

const REPLY_TO = "amq.rabbitmq.reply-to";

class AmqplibSession implements Session {
  readonly #connected: Connected;
  readonly #ackEvery: number;
  readonly #asked = new Map<string, (answer: unknown) => void>();

  constructor(connected: Connected, ackEvery: number) {
    this.#connected = connected;
    this.#ackEvery = ackEvery;
  }

  /** Answers come over the channel that asks. */
  async listen(): Promise<void> {
    const receive = (message: ConsumeMessage | null) => {
      const id: unknown = message?.properties.correlationId;
      if (message === null || typeof id !== "string") return;
      this.#asked.get(id)?.(JSON.parse(message.content.toString()));
      this.#asked.delete(id);
    };
    await this.#connected.asking.consume(REPLY_TO, receive, { noAck: true });
  }

  send({ text }: Payload): Promise<unknown> {
    const { confirming, queue } = this.#connected;
    return new Promise<void>((resolve, reject) => {
      confirming.sendToQueue(queue, Buffer.from(text), { persistent: true, mandatory: true }, (error: unknown) =>
        error === null ? resolve() : reject(new Error("The server did not take the message.", { cause: error })),
      );
    });
  }

  async sendMany(payloads: readonly Payload[]): Promise<unknown> {
    const { confirming, queue } = this.#connected;
    for (const { text } of payloads) confirming.sendToQueue(queue, Buffer.from(text), { persistent: true });
    return confirming.waitForConfirms();
  }

  call({ text }: Payload): Promise<unknown> {
    const { asking, queue } = this.#connected;
    const correlationId = randomUUID();
    return new Promise((resolve) => {
      this.#asked.set(correlationId, resolve);
      asking.sendToQueue(queue, Buffer.from(text), { persistent: true, correlationId, replyTo: REPLY_TO });
    });
  }

  async work({ concurrency, handle }: Work): Promise<Working> {
    const channel = await this.#connected.connection.createChannel();
    await channel.prefetch(concurrency);
    let handled = 0;
    await channel.consume(this.#connected.queue, (message) => {
      if (message === null) return;
      handle(orderIn(message.content));
      const { replyTo, correlationId } = message.properties;
      if (typeof replyTo === "string") channel.sendToQueue(replyTo, Buffer.from("true"), { correlationId });
      if (++handled % this.#ackEvery === 0) channel.ack(message, this.#ackEvery > 1);
    });
    return { stop: () => channel.close() };
  }

  async close(): Promise<void> {
    const { connection, confirming, queue } = this.#connected;
    await confirming.deleteQueue(queue);
    await connection.close();
  }
}

function orderIn(content: Buffer): Order {
  return (JSON.parse(content.toString()) as { readonly input: Order }).input;
}
