/** What is paused, in Redis: a hash of all, and for each queue a key beside its messages that `take` looks at. */
import type { Pause, Pauses, PauseTarget } from "../../seams/pauses.js";
import type { RedisConnection } from "./connection.js";
import { pausesKey, queueKeys } from "./keys.js";
import { scripts } from "./scripts.js";

export class RedisPauses implements Pauses {
  readonly #prefix: string;
  readonly #connection: RedisConnection;

  constructor(prefix: string, connection: RedisConnection) {
    this.#prefix = prefix;
    this.#connection = connection;
  }

  async pause({ kind, name }: PauseTarget): Promise<boolean> {
    const [seconds, microseconds] = await this.#connection.command((redis) => redis.time());
    const since = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
    // Listed first: what stops a queue is always to be seen.
    const added = await this.#connection.command((redis) =>
      redis.hsetnx(pausesKey(this.#prefix), `${kind} ${name}`, String(since)),
    );
    if (kind === "queue") {
      const { paused, idle, suspects } = queueKeys(this.#prefix, name);
      await this.#connection.run(scripts.pause, [paused, idle, suspects.idle]);
    }
    return added === 1;
  }

  async resume({ kind, name }: PauseTarget): Promise<boolean> {
    if (kind === "queue") {
      await this.#connection.command((redis) => redis.unlink(queueKeys(this.#prefix, name).paused));
    }
    return (await this.#connection.command((redis) => redis.hdel(pausesKey(this.#prefix), `${kind} ${name}`))) === 1;
  }

  async list(): Promise<readonly Pause[]> {
    const all = await this.#connection.command((redis) => redis.hgetall(pausesKey(this.#prefix)));
    return readPauses(Object.entries(all));
  }
}

/** The pauses of the hash's fields and values. */
export function readPauses(entries: readonly (readonly [field: string, since: string])[]): readonly Pause[] {
  return entries.flatMap(([field, since]) => {
    const [kind, name] = field.split(" ");
    return (kind === "queue" || kind === "actor") && name !== undefined ? [{ kind, name, since: Number(since) }] : [];
  });
}
