/** Callboard, as its users have it: contracts with zod schemas, the client, the worker. */
import { connect } from "amqplib";
import { actor, type Broker, type Priority } from "callboard";
import { createActorClient, defineActor, type Actor, type CallableClient, type SendOptions } from "callboard/client";
import { rabbitmqBroker } from "callboard/rabbitmq";
import { redisBroker } from "callboard/redis";
import { createWorker, type Logger } from "callboard/worker";
import { z } from "zod";
import { orderSchema, type Order, type Payload } from "../order.js";
import type { Session, Setting, System, Work } from "../system.js";

type Shop = Actor<{ input: Order; output: boolean }>;

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export const callboardOnRedis: System = {
  pace: 120_000,
  open: async ({ url, prefix }, setting) => new CallboardSession(redisBroker(url, { prefix }), setting),
};

export const callboardOnRabbitmq: System = {
  pace: 50_000,
  async open({ url, prefix }, setting) {
    const { queueType = "quorum" } = setting;
    const queues = queueNames(setting).flatMap((queue) => rabbitmqQueues(prefix, queue, queueType));
    const broker = rabbitmqBroker(url, { prefix, queueType });
    return new CallboardSession(broker, setting, () => deleteQueues(url, queues));
  },
};

class CallboardSession implements Session {
  readonly #broker: Broker;
  readonly #actors: Readonly<Record<string, Shop>>;
  readonly #clients: readonly CallableClient<Order, boolean>[];
  readonly #options: () => SendOptions | undefined;
  readonly #cleanUp: () => Promise<void>;
  #next = 0;

  constructor(broker: Broker, setting: Setting, cleanUp: () => Promise<void> = async () => undefined) {
    this.#broker = broker;
    this.#actors = Object.fromEntries(queueNames(setting).map((queue) => [queue, shopActor(queue, setting)]));
    this.#clients = Object.values(this.#actors).map((shop) => createActorClient<Shop>(broker, shop));
    this.#options = setting.priorities === true ? eachPriorityInTurn() : () => undefined;
    this.#cleanUp = cleanUp;
  }

  send({ order }: Payload): Promise<unknown> {
    return this.#client().send(order, this.#options());
  }

  async sendMany(payloads: readonly Payload[], options: { readonly delay?: number } = {}): Promise<unknown> {
    const orders = payloads.map(({ order }) => order);
    return this.#client().sendMany(orders, { ...this.#options(), ...options });
  }

  call({ order }: Payload): Promise<unknown> {
    return this.#client().call(order);
  }

  async work({ concurrency, handle }: Work) {
    const handler = (order: Order) => {
      handle(order);
      return true;
    };
    const handlers = Object.fromEntries(Object.keys(this.#actors).map((name) => [name, handler]));
    const options = { concurrency, logger: silent };
    const worker = createWorker(this.#broker, { shop: this.#actors }, { shop: handlers }, options);
    await worker.start();
    return worker;
  }

  async close(): Promise<void> {
    await this.#broker.close();
    await this.#cleanUp();
  }

  #client(): CallableClient<Order, boolean> {
    const client = this.#clients[this.#next++ % this.#clients.length];
    if (client === undefined) throw new Error("A session has at least one queue.");
    return client;
  }
}

function queueNames({ queues = 1 }: Setting): readonly string[] {
  return Array.from({ length: queues }, (_, i) => `queue${i}`);
}

/** Whether there is an output is for the contract to say; without one, nobody calls. */
function shopActor(queue: string, { answers = false, validate = true, concurrencyLimit }: Setting): Shop {
  const input = validate ? orderSchema : z.unknown();
  const output = answers ? { output: validate ? z.boolean() : z.unknown() } : {};
  const limits = concurrencyLimit === undefined ? {} : { concurrencyLimit };
  const options = { input, queue, ...output, ...limits };
  return defineActor(actor(options), { name: `shop.${queue}`, fingerprint: "00000000" });
}

function eachPriorityInTurn(): () => SendOptions {
  const priorities = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const satisfies readonly Priority[];
  let next = 0;
  return () => ({ priority: priorities[next++ % priorities.length] ?? 5 });
}

/** The queues that hold messages, as docs/rabbitmq.md names them: the bench leaves none behind. */
function rabbitmqQueues(prefix: string, queue: string, queueType: "quorum" | "classic"): readonly string[] {
  const name = `${prefix}:${queue}`;
  return queueType === "classic" ? [name] : Array.from({ length: 10 }, (_, priority) => `${name}:${priority}`);
}

async function deleteQueues(url: string, queues: readonly string[]): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const queue of queues) await channel.deleteQueue(queue);
  await connection.close();
}
