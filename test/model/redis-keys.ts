/** Reads all keys of one queue in Redis as the model tells them. */
import type { Redis } from "ioredis";
import type { QueueKeys } from "../../runtime/brokers/redis/keys.js";
import { priorityOf, type Dead, type Delayed, type QueueState } from "./queue.js";
import { milliseconds, ranked, readZset, type RedisHours } from "./redis-hours.js";

/** What a queue's keys hold. */
export interface KeysState extends QueueState {
  /** By consumer: the hours until its lease is over. */
  readonly leases: Readonly<Record<string, number>>;
  readonly consumers: readonly string[];
  /** By consumer: the sequence number that it keeps free. */
  readonly idle: Readonly<Record<string, number>>;
  /** Keys that are none of the queue's. */
  readonly others: readonly string[];
}

export class RedisKeys {
  readonly #redis: Redis;
  readonly #hours: RedisHours;
  readonly #keys: QueueKeys;

  constructor(redis: Redis, hours: RedisHours, keys: QueueKeys) {
    this.#redis = redis;
    this.#hours = hours;
    this.#keys = keys;
  }

  async read(): Promise<KeysState> {
    const { allReady, leases, consumers, idle, delayed, dead, deadIndex } = this.#keys;
    const found = await this.#redis.keys("*");
    const runningPrefix = this.#keys.running("");
    const running = found.filter((key) => key.startsWith(runningPrefix));
    const known = new Set([...allReady, leases, consumers, idle, delayed, dead, deadIndex, ...running]);
    const [lines, heldBack, held, leaseEnds, names, free, letters, deaths] = await Promise.all([
      Promise.all(Array.from({ length: 10 }, (_, priority) => this.#redis.lrange(this.#keys.ready(priority), 0, -1))),
      readZset(this.#redis, delayed),
      Promise.all(running.map((key) => this.#redis.hgetall(key))),
      readZset(this.#redis, leases),
      this.#redis.smembers(consumers),
      readZset(this.#redis, idle),
      this.#redis.hgetall(dead),
      readZset(this.#redis, deadIndex),
    ]);
    const wakePrefix = this.#keys.wake("");
    return {
      ready: Object.fromEntries([...lines.entries()].filter(([, line]) => line.length > 0).map(nextFirst)),
      delayed: heldBack.map(([body, score]) => this.#delayed(body, score)),
      running: Object.fromEntries(running.map((key, i) => [key.slice(runningPrefix.length), held[i] ?? {}])),
      leases: Object.fromEntries(leaseEnds.map(([name, score]) => [name, this.#hours.read(score, milliseconds)])),
      consumers: names.sort(),
      idle: Object.fromEntries(free.map(([channel, sequence]) => [channel.slice(wakePrefix.length), sequence])),
      dead: this.#dead(letters, deaths),
      others: found.filter((key) => !known.has(key)),
    };
  }

  /** Lets hours pass, 0 or more, for all but the leases, and sets the times back to the hour. */
  async pass(hours: number): Promise<void> {
    const { delayed, deadIndex } = this.#keys;
    await Promise.all([this.#hours.pass(delayed, ranked, hours), this.#hours.pass(deadIndex, milliseconds, hours)]);
  }

  /** Lets hours pass for the leases. */
  passForLeases(hours: number): Promise<void> {
    return this.#hours.pass(this.#keys.leases, milliseconds, hours);
  }

  #delayed(body: string, score: number): Delayed {
    return { hours: this.#hours.read(score, ranked), priority: 9 - priorityOf(score), body };
  }

  /** A letter without a time of death, or a time without a letter, shows as such. */
  #dead(
    letters: Readonly<Record<string, string>>,
    deaths: readonly (readonly [string, number])[],
  ): Record<string, Dead> {
    const hours = new Map(deaths.map(([id, score]) => [id, this.#hours.read(score, milliseconds)]));
    const ids = new Set([...Object.keys(letters), ...hours.keys()]);
    return Object.fromEntries(
      [...ids].map((id) => [id, { letter: letters[id] ?? "none", hours: hours.get(id) ?? Number.NaN }]),
    );
  }
}

/** New messages come in on the left of a list. */
function nextFirst([priority, line]: [number, string[]]): [number, string[]] {
  return [priority, line.toReversed()];
}
