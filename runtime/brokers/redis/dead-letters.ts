/** Dead letters in Redis: a hash by id, and an index by the time of death. */
import type { DeadLetter, DeadLetterInit, DeadLetters } from "../../broker.js";
import { asFirstAttempt, readDeadLetter } from "../../dead-letter.js";
import type { RedisClient, RedisConnection } from "./connection.js";
import { queueKeys } from "./keys.js";
import { scripts } from "./scripts.js";

export class RedisDeadLetters implements DeadLetters {
  readonly #prefix: string;
  readonly #connection: RedisConnection;

  readonly #timeout: number;

  /** `timeout`: how long the server may take to answer, in milliseconds. */
  constructor(prefix: string, connection: RedisConnection, timeout: number) {
    this.#prefix = prefix;
    this.#connection = connection;
    this.#timeout = timeout;
  }

  async list(queue: string, { limit = 100 }: { readonly limit?: number } = {}): Promise<readonly DeadLetter[]> {
    if (limit < 1) return [];
    const { dead, deadIndex } = queueKeys(this.#prefix, queue);
    const index = await this.#answer((redis) => redis.zrevrange(deadIndex, 0, limit - 1, "WITHSCORES"));
    const diedAt = new Map<string, number>();
    for (let i = 0; i < index.length; i += 2) diedAt.set(index[i] ?? "", Number(index[i + 1]));
    if (diedAt.size === 0) return [];
    const ids = [...diedAt.keys()];
    const letters = await this.#answer((redis) => redis.hmget(dead, ...ids));
    return ids.flatMap((id, i) => {
      const letter = read(letters[i]);
      return letter === undefined ? [] : [{ ...letter, diedAt: diedAt.get(id) ?? 0 }];
    });
  }

  async replay(queue: string, id: string): Promise<boolean> {
    const keys = queueKeys(this.#prefix, queue);
    const letter = read(await this.#answer((redis) => redis.hget(keys.dead, id)));
    if (letter === undefined) return false;
    const replayed = this.#connection.run(
      scripts.replay,
      [keys.dead, keys.deadIndex, keys.ready(letter.priority), keys.idle],
      [id, asFirstAttempt(letter)],
    );
    return (await this.#connection.within(this.#timeout, replayed)) === 1;
  }

  async purge(queue: string): Promise<number> {
    const { dead, deadIndex } = queueKeys(this.#prefix, queue);
    const count = await this.#answer((redis) => redis.hlen(dead));
    await this.#answer((redis) => redis.unlink(dead, deadIndex));
    return count;
  }

  async #answer<T>(command: (redis: RedisClient) => Promise<T>): Promise<T> {
    return this.#connection.within(this.#timeout, command(this.#connection.redis));
  }
}

/** A dead letter as it is stored; `undefined` where there is none, or none that can be read. */
function read(json: string | null | undefined): DeadLetterInit | undefined {
  return json == null ? undefined : readDeadLetter(json);
}
