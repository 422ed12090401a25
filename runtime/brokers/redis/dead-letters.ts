/** Dead letters in Redis: a hash by id, and an index by the time of death. */
import type { DeadLetter, DeadLetterInit, DeadLetters } from "../../broker.js";
import { asFirstAttempt } from "../../dead-letter.js";
import type { RedisConnection } from "./connection.js";
import { queueKeys } from "./keys.js";
import { scripts } from "./scripts.js";

export class RedisDeadLetters implements DeadLetters {
  readonly #prefix: string;
  readonly #connection: RedisConnection;

  constructor(prefix: string, connection: RedisConnection) {
    this.#prefix = prefix;
    this.#connection = connection;
  }

  async list(queue: string, { limit = 100 }: { readonly limit?: number } = {}): Promise<readonly DeadLetter[]> {
    const { dead, deadIndex } = queueKeys(this.#prefix, queue);
    try {
      const index = await this.#connection.redis.zrevrange(deadIndex, 0, limit - 1, "WITHSCORES");
      if (index.length === 0) return [];
      const diedAt = new Map<string, number>();
      for (let i = 0; i < index.length; i += 2) diedAt.set(index[i] ?? "", Number(index[i + 1]));
      const ids = [...diedAt.keys()];
      const letters = await this.#connection.redis.hmget(dead, ...ids);
      return ids.flatMap((id, i) => {
        const json = letters[i];
        return json == null ? [] : [{ ...(JSON.parse(json) as DeadLetterInit), diedAt: diedAt.get(id) ?? 0 }];
      });
    } catch (error) {
      throw this.#connection.translate(error);
    }
  }

  async replay(queue: string, id: string): Promise<boolean> {
    const keys = queueKeys(this.#prefix, queue);
    const json = await this.#connection.redis.hget(keys.dead, id).catch((error: unknown) => {
      throw this.#connection.translate(error);
    });
    if (json === null) return false;
    const letter = JSON.parse(json) as DeadLetterInit;
    const replayed = await this.#connection.run(
      scripts.replay,
      [keys.dead, keys.deadIndex, keys.ready(letter.priority), keys.idle],
      [id, asFirstAttempt(letter)],
    );
    return replayed === 1;
  }

  async purge(queue: string): Promise<number> {
    const { dead, deadIndex } = queueKeys(this.#prefix, queue);
    try {
      const count = await this.#connection.redis.hlen(dead);
      await this.#connection.redis.unlink(dead, deadIndex);
      return count;
    } catch (error) {
      throw this.#connection.translate(error);
    }
  }
}
