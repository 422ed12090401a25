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
  /** A limit of starts that is never reached: one for all, or, Callboard alone, one for each of a hundred keys. */
  readonly rateLimit?: "for all" | "by key";
  /** Each message has a key of its own, of which there can be one message at a time. */
  readonly unique?: boolean;
  /** Callboard alone: it is recorded how each message stands. */
  readonly track?: boolean;
  /** Callboard alone: what stands around the sending and the work. Default: nothing but what is built in. */
  readonly around?: "three layers" | "metrics" | "tracing";
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

/** A piece of work that is more than one message; done again and again. */
export interface Trial {
  /** Does it once. What it measures itself it resolves to, in milliseconds. */
  one(): Promise<unknown>;
  close(): Promise<void>;
}

/** Every such piece of work, by who does it and what it is. */
export type TrialName =
  | "callboard/pipeline of 3"
  | "callboard/3 messages, each sent by the handler before"
  | "bullmq/flow of 3"
  | "bullmq/3 jobs, each added by the processor before"
  | "callboard/group of 10"
  | "callboard/10 calls"
  | "bullmq/flow of 10 and 1"
  | "bullmq/10 jobs waited for"
  | "callboard/no reports"
  | "callboard/1,000 reports"
  | "bullmq/no reports"
  | "bullmq/1,000 reports"
  | "callboard/call"
  | "callboard/call of a thread"
  | "bullmq/job of a thread waited for"
  | "callboard/ticks"
  | "bullmq/ticks";

/** Gets a piece of work ready. */
export type OpenTrial = (place: Place) => Promise<Trial>;

/** Where they are found; each is loaded when it is asked for. */
export type Trials = Readonly<Record<TrialName, () => Promise<OpenTrial>>>;
