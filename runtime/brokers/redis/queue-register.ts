/** Notes which queues are used, so that an operator can be told of them. */
import { defaults } from "../../vocabulary/defaults.js";
import type { RedisConnection } from "./connection.js";
import { queuesKey } from "./keys.js";
import { scripts } from "./scripts.js";

/** How often a queue in use is noted, and how soon again where that failed, in milliseconds. */
const INTERVAL = 24 * 60 * 60_000;
const AGAIN = 60_000;

export class QueueRegister {
  readonly #prefix: string;
  readonly #connection: RedisConnection;
  /** When each queue is to be noted next. */
  readonly #due = new Map<string, number>();

  constructor(prefix: string, connection: RedisConnection) {
    this.#prefix = prefix;
    this.#connection = connection;
  }

  /** Says that a queue is used. The server is told once a day; nobody waits for it. */
  note(queue: string): void {
    const now = performance.now();
    if (now < (this.#due.get(queue) ?? 0)) return;
    this.#due.set(queue, now + INTERVAL);
    this.#connection
      .run(scripts.noteQueue, [queuesKey(this.#prefix)], [queue, defaults.broker.queueMemory])
      .catch(() => this.#due.set(queue, performance.now() + AGAIN));
  }

  /** The queues that were used lately. */
  list(): Promise<readonly string[]> {
    return this.#connection.command((redis) => redis.zrange(queuesKey(this.#prefix), 0, "-1"));
  }
}
