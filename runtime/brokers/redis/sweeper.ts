/** Finds consumers whose lease is over and has their messages put back, on every queue that this process consumes. */
import type { RedisConnection } from "./connection.js";
import { queueKeys } from "./keys.js";
import { scripts } from "./scripts.js";

export class Sweeper {
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #deadLetterTtl: number;
  readonly #queues = new Set<string>();
  readonly #interval: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    connection: RedisConnection,
    { prefix, interval, deadLetterTtl }: { prefix: string; interval: number; deadLetterTtl: number },
  ) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#interval = interval;
    this.#deadLetterTtl = deadLetterTtl;
  }

  /** Sweeps this queue from now on. */
  add(queue: string): void {
    this.#queues.add(queue);
    this.#timer ??= setInterval(() => {
      // A sweep that fails is made up for by the next one, here or in another process.
      for (const each of this.#queues) this.#sweep(each).catch(() => undefined);
    }, this.#interval);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #sweep(queue: string): Promise<void> {
    if (!this.#connection.ready) return;
    const keys = queueKeys(this.#prefix, queue);
    const gone = await this.#connection.run(
      scripts.sweep,
      [keys.leases, keys.consumers, keys.dead, keys.deadIndex],
      [this.#deadLetterTtl],
    );
    for (const consumer of gone) {
      await this.#connection.run(
        scripts.reap,
        [keys.running(consumer), keys.leases, keys.consumers, keys.idle, ...keys.allReady],
        [consumer, keys.wake(consumer)],
      );
    }
  }
}
