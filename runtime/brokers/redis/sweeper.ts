/** Finds consumers whose lease is over and has their messages put back, on every queue that this process consumes. */
import { defaults } from "../../vocabulary/defaults.js";
import type { RedisConnection } from "./connection.js";
import type { QueueRegister } from "./queue-register.js";
import { queueKeys, type LaneKeys, type QueueKeys } from "./keys.js";
import { scripts } from "./scripts.js";

/** Hears that messages wait which may have killed workers. */
type OnSuspects = () => void;

/** How a sweeper works. */
export interface SweeperOptions {
  readonly prefix: string;
  /** How often it sweeps, in milliseconds. */
  readonly interval: number;
  /** How long dead letters are kept, in milliseconds. */
  readonly deadLetterTtl: number;
  readonly register: QueueRegister;
}

export class Sweeper {
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #deadLetterTtl: number;
  readonly #interval: number;
  readonly #register: QueueRegister;
  /** The queues that are swept, and who consumes them here. */
  readonly #queues = new Map<string, Set<OnSuspects>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: RedisConnection, { prefix, interval, deadLetterTtl, register }: SweeperOptions) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#interval = interval;
    this.#deadLetterTtl = deadLetterTtl;
    this.#register = register;
  }

  /** Sweeps this queue from now on; returns how to end that. */
  add(queue: string, onSuspects: OnSuspects): () => void {
    this.#register.note(queue);
    const listeners = this.#queues.get(queue) ?? new Set();
    this.#queues.set(queue, listeners.add(onSuspects));
    this.#timer ??= setInterval(() => {
      // A sweep that fails is made up for by the next one, here or in another process.
      for (const each of this.#queues.keys()) this.#sweep(each).catch(() => undefined);
    }, this.#interval);
    return () => {
      listeners.delete(onSuspects);
      if (listeners.size === 0) this.#queues.delete(queue);
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #sweep(queue: string): Promise<void> {
    if (!this.#connection.ready) return;
    this.#register.note(queue);
    const keys = queueKeys(this.#prefix, queue);
    const { dead, deadIndex, leases, consumers, suspects } = keys;
    const [waiting, gone, ofSuspects, more] = await this.#connection.run(
      scripts.sweep,
      [
        ...[dead, deadIndex, leases, consumers],
        ...[suspects.leases, suspects.consumers, suspects.delayed, ...suspects.allReady],
      ],
      [this.#deadLetterTtl],
    );
    for (const consumer of gone) await this.#reap(keys, keys, consumer);
    for (const consumer of ofSuspects) await this.#reap(keys, suspects, consumer);
    if (more === 1) return this.#sweep(queue);
    if (waiting === 1) for (const tell of this.#queues.get(queue) ?? []) tell();
  }

  async #reap({ suspects }: QueueKeys, lane: LaneKeys, consumer: string): Promise<void> {
    await this.#connection.run(
      scripts.reap,
      [
        ...[lane.running(consumer), lane.leases, lane.consumers, lane.idle, ...lane.allReady],
        ...[suspects.idle, ...suspects.allReady],
      ],
      [consumer, lane.wake(consumer), defaults.broker.suspectCrashes],
    );
  }
}
