/**
 * The time of a queue's keys in Redis, counted in whole hours from a moment that stands still. A script writes times by
 * the server's clock; they are set back to the hour before they are read. So whatever a slow machine does, a
 * test sees the same hours, and a time that is early by a millisecond is an hour early.
 */
import type { Redis } from "ioredis";
import { HOUR } from "./queue.js";

/** How a score tells a time. */
export interface Scale {
  /** Scores for each millisecond; what is left of a score tells something else. */
  readonly perMillisecond: number;
}

/** Scores that are milliseconds. */
export const milliseconds: Scale = { perMillisecond: 1 };
/** Scores that are `milliseconds × 10 + rank`. */
export const ranked: Scale = { perMillisecond: 10 };

export class RedisHours {
  readonly #redis: Redis;
  readonly #start: number;

  private constructor(redis: Redis, start: number) {
    this.#redis = redis;
    this.#start = start;
  }

  /** It begins a second ago, so that whatever is written from now on is later. */
  static async begin(redis: Redis): Promise<RedisHours> {
    const [seconds] = await redis.time();
    return new RedisHours(redis, (Number(seconds) - 1) * 1000);
  }

  /** The hours from now on that a score tells. */
  read(score: number, { perMillisecond }: Scale): number {
    return Math.floor((Math.floor(score / perMillisecond) - this.#start) / HOUR);
  }

  /** Lets hours pass for all members of a zset, 0 or more, and sets each back to the hour. */
  async pass(zset: string, scale: Scale, hours: number): Promise<void> {
    const moved = (await readZset(this.#redis, zset)).flatMap(([member, score]) => {
      const time = this.#start + (this.read(score, scale) - hours) * HOUR;
      return [time * scale.perMillisecond + (score % scale.perMillisecond), member];
    });
    // Who has left in the meantime stays away.
    if (moved.length > 0) await this.#redis.zadd(zset, "XX", ...moved);
  }
}

/** The members of a zset, the lowest score first. */
export async function readZset(redis: Redis, key: string): Promise<readonly (readonly [string, number])[]> {
  const flat = await redis.zrange(key, 0, "-1", "WITHSCORES");
  return flat.flatMap((member, i): [string, number][] => (i % 2 === 0 ? [[member, Number(flat[i + 1])]] : []));
}
