/** Dead letters in Redis: a hash by id, and an index by the time of death. */
import type { DeadLetter, DeadLetterFate, DeadLetterFilter, DeadLetterInit, DeadLetters } from "../../seams/broker.js";
import { asFirstAttempt, fits, readDeadLetter } from "../../wire/dead-letter.js";
import { defaults } from "../../vocabulary/defaults.js";
import type { MaybePromise } from "../../support/maybe.js";
import type { RedisClient, RedisConnection } from "./connection.js";
import { queueKeys } from "./keys.js";
import { scripts } from "./scripts.js";

/** How many letters are read in one go. */
const PAGE = 100;

/** Where a letter stands in the index. */
interface Entry {
  readonly id: string;
  readonly diedAt: number;
}

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

  async list(queue: string, filter: DeadLetterFilter = {}): Promise<readonly DeadLetter[]> {
    const letters: DeadLetter[] = [];
    const limit = filter.limit ?? defaults.broker.deadLetterLimit;
    for await (const page of this.#pages(queue, { ...filter, limit })) letters.push(...page);
    return letters;
  }

  async replay(queue: string, id: string): Promise<boolean> {
    const keys = queueKeys(this.#prefix, queue);
    const letter = read(await this.#answer((redis) => redis.hget(keys.dead, id)));
    return letter !== undefined && this.#replay(queue, id, letter);
  }

  async settle(
    queue: string,
    filter: DeadLetterFilter,
    decide: (letter: DeadLetter) => MaybePromise<DeadLetterFate>,
  ): Promise<{ readonly replayed: number; readonly removed: number }> {
    let [replayed, removed] = [0, 0];
    for await (const page of this.#pages(queue, filter)) {
      const settled: Promise<void>[] = [];
      for (const letter of page) {
        const fate = await decide(letter);
        if (fate === "replay") {
          settled.push(this.#replay(queue, letter.id, letter).then((done) => void (done && replayed++)));
        } else if (fate === "remove") {
          settled.push(this.#remove(queue, letter.id).then((done) => void (done && removed++)));
        }
      }
      await Promise.all(settled);
    }
    return { replayed, removed };
  }

  async purge(queue: string): Promise<number> {
    const { dead, deadIndex } = queueKeys(this.#prefix, queue);
    const count = await this.#answer((redis) => redis.hlen(dead));
    await this.#answer((redis) => redis.unlink(dead, deadIndex));
    return count;
  }

  async #replay(queue: string, id: string, letter: DeadLetterInit): Promise<boolean> {
    const keys = queueKeys(this.#prefix, queue);
    const replayed = this.#connection.run(
      scripts.replay,
      [keys.dead, keys.deadIndex, keys.ready(letter.priority), keys.idle],
      [id, asFirstAttempt(letter)],
    );
    return (await this.#connection.within(this.#timeout, replayed)) === 1;
  }

  async #remove(queue: string, id: string): Promise<boolean> {
    const { dead, deadIndex } = queueKeys(this.#prefix, queue);
    // In this order: an id without its letter is skipped, and removed when it is old.
    const removed = await this.#answer((redis) => redis.hdel(dead, id));
    await this.#answer((redis) => redis.zrem(deadIndex, id));
    return removed === 1;
  }

  /**
   * The letters that are meant, the newest first. Which there are is read at the beginning: one that dies again while it
   * is looked through does not come twice.
   */
  async *#pages(queue: string, filter: DeadLetterFilter): AsyncGenerator<readonly DeadLetter[]> {
    const { dead } = queueKeys(this.#prefix, queue);
    const index = await this.#index(queue, filter);
    let left = filter.limit ?? Infinity;
    for (let start = 0; start < index.length && left > 0; start += PAGE) {
      const entries = index.slice(start, start + PAGE);
      const found = await this.#answer((redis) => redis.hmget(dead, ...entries.map(({ id }) => id)));
      const letters = entries.flatMap(({ id, diedAt }, i) => {
        const letter = read(found[i]);
        return letter === undefined ? [] : [{ ...letter, id, diedAt }];
      });
      const page = letters.filter((letter) => fits(letter, filter)).slice(0, left);
      left -= page.length;
      yield page;
    }
  }

  async #index(queue: string, filter: DeadLetterFilter): Promise<readonly Entry[]> {
    const { deadIndex } = queueKeys(this.#prefix, queue);
    const { ids, diedBefore, diedSince, limit, actor, reason } = filter;
    if (ids !== undefined) {
      if (ids.length === 0) return [];
      const scores = await this.#answer((redis) => redis.zmscore(deadIndex, ...ids));
      const entries = ids.map((id, i) => ({ id, diedAt: Number(scores[i] ?? Number.NaN) }));
      return entries.filter(({ diedAt }) => diedAt >= 0).sort((a, b) => b.diedAt - a.diedAt);
    }
    const newest = diedBefore === undefined ? "+inf" : `(${diedBefore}`;
    const oldest = diedSince ?? "-inf";
    // Where the index alone decides, no more of it is read than is wanted.
    const most = actor === undefined && reason === undefined ? (limit ?? -1) : -1;
    if (most === 0) return [];
    const index = await this.#answer((redis) =>
      redis.zrevrangebyscore(deadIndex, newest, oldest, "WITHSCORES", "LIMIT", 0, most),
    );
    return Array.from({ length: index.length / 2 }, (_, i) => ({
      id: index[2 * i] ?? "",
      diedAt: Number(index[2 * i + 1]),
    }));
  }

  async #answer<T>(command: (redis: RedisClient) => Promise<T>): Promise<T> {
    return this.#connection.within(this.#timeout, command(this.#connection.redis));
  }
}

/** A dead letter as it is stored; `undefined` where there is none, or none that can be read. */
function read(json: string | null | undefined): DeadLetterInit | undefined {
  return json == null ? undefined : readDeadLetter(json);
}
