/** A task system, or a plain driver used as one, as the bench drives it: the few things that all of them can do. */
import type { Order, Payload } from "./order.js";

/** Everything that is measured, by the server it runs on and its name. */
export const systemNames = [
  "redis/callboard",
  "redis/bullmq",
  "redis/bee-queue",
  "redis/ioredis",
  "redis/ioredis-pipelined",
  "redis/ioredis-batched",
  "rabbitmq/callboard",
  "rabbitmq/amqplib",
  "rabbitmq/amqplib-batched",
  "rabbitmq/rabbitmq-client",
] as const;

export type SystemName = (typeof systemNames)[number];

/** What a contender may have switched on, or done in another way. */
export interface Setting {
  /** Handlers answer, and `call` works. Default: fire and forget. */
  readonly answers?: boolean;
  /** Over how many queues messages are spread. Default: 1. */
  readonly queues?: number;
  /** Callboard alone: `false` has a schema that takes anything. Default: validate. */
  readonly validate?: boolean;
  /** Messages take each priority in turn. Default: they have none. */
  readonly priorities?: boolean;
  /** Callboard alone: how many messages may be at work at once, in all workers. Default: there is no such limit. */
  readonly concurrencyLimit?: number;
  /** Finished messages stay, with what they answered. Callboard keeps answers in any case. Default: they do not. */
  readonly keep?: boolean;
  /** RabbitMQ alone. Default: quorum. */
  readonly queueType?: "quorum" | "classic";
}

/** Where a session keeps its things. */
export interface Place {
  readonly url: string;
  /** What all its names begin with: sessions of one prefix see each other's messages. */
  readonly prefix: string;
}

/** What takes messages until it is stopped. */
export interface Working {
  stop(): Promise<void>;
}

/** How messages are worked on. */
export interface Work {
  readonly concurrency: number;
  /** Called once for each message. In a session that answers, the answer is `true`. */
  readonly handle: (order: Order) => void;
}

/** A task system that is connected. */
export interface Session {
  /** Resolves when the server has the message. */
  send(payload: Payload): Promise<unknown>;
  /** As the system likes it best for many at once. */
  sendMany(payloads: readonly Payload[], options?: { readonly delay?: number }): Promise<unknown>;
  /** Sends, and resolves to the answer. */
  call(payload: Payload): Promise<unknown>;
  work(work: Work): Promise<Working>;
  close(): Promise<void>;
}

export interface System {
  /** About how many messages it works on in a second, on a small machine: so many wait for a run of one second. */
  readonly pace: number;
  open(place: Place, setting: Setting): Promise<Session>;
}

/** Where the systems are found; each is loaded when it is asked for, so that a process holds only its own. */
export type Systems = Readonly<Record<SystemName, () => Promise<System>>>;
