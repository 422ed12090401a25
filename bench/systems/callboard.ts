/** Callboard, as its users have it: contracts with zod schemas, the client, the worker. */
import { connect } from "amqplib";
import { actor, type Broker, type Priority } from "callboard";
import {
  createActorClient,
  defineActor,
  type Actor,
  type CallableClient,
  type ClientMiddleware,
  type MaybePlaced,
  type SendOptions,
} from "callboard/client";
import { rabbitmqBroker } from "callboard/rabbitmq";
import { redisBroker } from "callboard/redis";
import { createWorker, type Logger, type Middleware } from "callboard/worker";
import { z } from "zod";
import { orderSchema, renumber, type Order, type Payload } from "../order.js";
import type { Session, Setting, System, Work } from "../system.js";

type Shop = Actor<{ input: Order; output: boolean }>;

/** Says nothing. */
export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export const callboardOnRedis: System = {
  pace: 120_000,
  open: async ({ url, prefix }, setting) =>
    new CallboardSession(redisBroker(url, { prefix }), setting, await middlewareOf(setting)),
};

export const callboardOnRabbitmq: System = {
  pace: 50_000,
  async open({ url, prefix }, setting) {
    const { queueType = "quorum" } = setting;
    const queues = queueNames(setting).flatMap((queue) => rabbitmqQueues(prefix, queue, queueType));
    const broker = rabbitmqBroker(url, { prefix, queueType });
    return new CallboardSession(broker, setting, await middlewareOf(setting), () => deleteQueues(url, queues));
  },
};

class CallboardSession implements Session {
  readonly #broker: Broker;
  readonly #actors: Readonly<Record<string, Shop>>;
  readonly #clients: readonly CallableClient<Order, boolean>[];
  readonly #options: () => SendOptions | undefined;
  readonly #middleware: BothMiddleware;
  readonly #number: (order: Order) => Order;
  readonly #cleanUp: () => Promise<void>;
  #next = 0;

  constructor(
    broker: Broker,
    setting: Setting,
    middleware: BothMiddleware,
    cleanUp: () => Promise<void> = async () => undefined,
  ) {
    this.#broker = broker;
    this.#middleware = middleware;
    this.#number = numberingOf(setting);
    this.#actors = Object.fromEntries(queueNames(setting).map((queue) => [queue, shopActor(queue, setting)]));
    const options = { middleware: middleware.client };
    this.#clients = Object.values(this.#actors).map((shop) => createActorClient<Shop>(broker, shop, options));
    this.#options = setting.priorities === true ? eachPriorityInTurn() : () => undefined;
    this.#cleanUp = cleanUp;
  }

  send({ order }: Payload): Promise<unknown> {
    return this.#client().send(this.#number(order), this.#options());
  }

  async sendMany(payloads: readonly Payload[], options: { readonly delay?: number } = {}): Promise<unknown> {
    const orders = payloads.map(({ order }) => this.#number(order));
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
    const options = { concurrency, logger: silent, middleware: this.#middleware.worker };
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
function shopActor(queue: string, setting: Setting): Shop {
  const { answers = false, validate = true, track = false } = setting;
  const input = validate ? orderSchema : z.unknown();
  const output = answers ? { output: validate ? z.boolean() : z.unknown() } : {};
  const options = { input, queue, track, ...output, ...limitsOf(setting) };
  return defineActor(actor(options), { name: `shop.${queue}`, fingerprint: "00000000" });
}

const byId = (order: unknown) => (order as Order).id;

/** Limits that are asked for each message, and never reached. */
function limitsOf({ concurrencyLimit, rateLimit, unique }: Setting) {
  const key = rateLimit === "by key" ? { key: byId } : {};
  return {
    ...(concurrencyLimit !== undefined && { concurrencyLimit }),
    ...(rateLimit !== undefined && { rateLimit: { limit: 1_000_000, per: "1s", ...key } as const }),
    ...(unique === true && { unique: { key: byId, for: "10m" } as const }),
  };
}

/** Where messages have keys, those are the orders' ids. */
function numberingOf({ unique, rateLimit }: Setting): (order: Order) => Order {
  if (unique === true) return renumber(Infinity);
  return rateLimit === "by key" ? renumber(100) : (order) => order;
}

/** What stands around the sending and the work. */
interface BothMiddleware {
  readonly client: readonly MaybePlaced<ClientMiddleware>[];
  readonly worker: readonly MaybePlaced<Middleware>[];
}

/** As a user writes it: it does nothing but go on. */
const aroundSending: ClientMiddleware = async (message, next) => next(message);
const aroundWork: Middleware = async (_task, next) => next();

/** Each is loaded where it is wanted. */
async function middlewareOf({ around }: Setting): Promise<BothMiddleware> {
  switch (around) {
    case "three layers":
      return { client: threeTimes(aroundSending), worker: threeTimes(aroundWork) };
    case "metrics": {
      const { createMetrics } = await import("callboard/metrics");
      const { client, worker } = createMetrics();
      return { client: [client], worker: [worker] };
    }
    case "tracing": {
      // Nobody has registered an SDK: its spans go nowhere.
      const { createTracing } = await import("callboard/tracing");
      const { client, worker } = createTracing();
      return { client: [client], worker: [worker] };
    }
    default:
      return { client: [], worker: [] };
  }
}

const threeTimes = <M>(middleware: M): readonly M[] => [middleware, middleware, middleware];

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
