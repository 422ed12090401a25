/** rabbitmq-client, as its documentation has it: a confirming publisher, a consumer with a prefetch, an RPC client. */
import { Connection, type Publisher, type RPCClient } from "rabbitmq-client";
import type { Order, Payload } from "../order.js";
import type { Session, System, Work, Working } from "../system.js";

export const rabbitmqClient: System = {
  pace: 25_000,
  async open({ url, prefix }, { queueType = "quorum" }) {
    const connection = new Connection({ url, noDelay: true });
    const queue = { queue: prefix, durable: true, arguments: { "x-queue-type": queueType } };
    await connection.queueDeclare(queue);
    return new RabbitmqClientSession(connection, queue);
  },
};

/** How a queue is declared: the consumer does it again, and it must be the same. */
interface Queue {
  readonly queue: string;
  readonly durable: boolean;
  readonly arguments: { readonly "x-queue-type": "quorum" | "classic" };
}

class RabbitmqClientSession implements Session {
  readonly #connection: Connection;
  readonly #queue: Queue;
  readonly #publisher: Publisher;
  #rpc?: RPCClient;

  constructor(connection: Connection, queue: Queue) {
    this.#connection = connection;
    this.#queue = queue;
    this.#publisher = connection.createPublisher({ confirm: true });
  }

  send({ text }: Payload): Promise<unknown> {
    return this.#publisher.send({ routingKey: this.#queue.queue, durable: true, mandatory: true }, Buffer.from(text));
  }

  sendMany(payloads: readonly Payload[]): Promise<unknown> {
    return Promise.all(payloads.map((payload) => this.send(payload)));
  }

  call({ text }: Payload): Promise<unknown> {
    this.#rpc ??= this.#connection.createRPCClient({ confirm: true });
    return this.#rpc.send({ routingKey: this.#queue.queue, durable: true }, Buffer.from(text));
  }

  async work({ concurrency, handle }: Work): Promise<Working> {
    const { queue } = this.#queue;
    const options = { queue, queueOptions: this.#queue, qos: { prefetchCount: concurrency }, concurrency };
    const consumer = this.#connection.createConsumer(options, async ({ body, replyTo }, reply) => {
      handle(orderIn(body as Buffer));
      if (replyTo !== undefined) await reply("true");
    });
    consumer.on("error", (error) => console.error(error));
    return { stop: () => consumer.close() };
  }

  async close(): Promise<void> {
    await Promise.all([this.#publisher.close(), this.#rpc?.close()]);
    await this.#connection.queueDelete(this.#queue.queue);
    await this.#connection.close();
  }
}

function orderIn(content: Buffer): Order {
  return (JSON.parse(content.toString()) as { readonly input: Order }).input;
}
