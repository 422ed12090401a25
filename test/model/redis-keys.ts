/** Reads all keys of one queue in Redis as the model tells them. */
import type { Redis } from "ioredis";
import type { LaneKeys, QueueKeys } from "../../runtime/brokers/redis/keys.js";
import { priorityOf, type Dead, type Delayed, type QueueState } from "./queue.js";
import { milliseconds, ranked, readZset, type RedisHours } from "./redis-hours.js";

/** What the keys of one lane hold. */
export interface LaneState extends Omit<QueueState, "dead"> {
  /** By consumer: the hours until its lease is over. */
  readonly leases: Readonly<Record<string, number>>;
  readonly consumers: readonly string[];
  /** By consumer: the sequence number that it keeps free. */
  readonly idle: Readonly<Record<string, number>>;
}

/** What a queue's keys hold. */
export interface KeysState extends Pick<QueueState, "dead"> {
  readonly main: LaneState;
  readonly suspects: LaneState;
  /** The ids of cancelled messages, in alphabetical order. */
  readonly cancelled: readonly string[];
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
    const { dead, deadIndex, suspects, cancelled, cancels } = this.#keys;
    const found = await this.#redis.keys("*");
    const [main, suspected, letters, deaths, remembered] = await Promise.all([
      this.#readLane(this.#keys, found),
      this.#readLane(suspects, found),
      this.#redis.hgetall(dead),
      readZset(this.#redis, deadIndex),
      this.#redis.zrange(cancelled, 0, "-1"),
    ]);
    const known = new Set([
      dead,
      deadIndex,
      cancelled,
      cancels,
      ...laneKeys(this.#keys, found),
      ...laneKeys(suspects, found),
    ]);
    return {
      main,
      suspects: suspected,
      cancelled: remembered.toSorted(),
      dead: this.#dead(letters, deaths),
      others: found.filter((key) => !known.has(key)),
    };
  }

  async #readLane(lane: LaneKeys, found: readonly string[]): Promise<LaneState> {
    const holders = holdersIn(lane, found);
    const [lines, heldBack, held, leaseEnds, names, free] = await Promise.all([
      Promise.all(Array.from({ length: 10 }, (_, priority) => this.#redis.lrange(lane.ready(priority), 0, -1))),
      readZset(this.#redis, lane.delayed),
      Promise.all(holders.map((consumer) => this.#redis.hgetall(lane.running(consumer)))),
      readZset(this.#redis, lane.leases),
      this.#redis.smembers(lane.consumers),
      readZset(this.#redis, lane.idle),
    ]);
    const wakePrefix = lane.wake("");
    return {
      ready: Object.fromEntries([...lines.entries()].filter(([, line]) => line.length > 0).map(nextFirst)),
      delayed: heldBack.map(([body, score]) => this.#delayed(body, score)),
      running: Object.fromEntries(holders.map((consumer, i) => [consumer, held[i] ?? {}])),
      leases: Object.fromEntries(leaseEnds.map(([name, score]) => [name, this.#hours.read(score, milliseconds)])),
      consumers: names.sort(),
      idle: Object.fromEntries(free.map(([channel, sequence]) => [channel.slice(wakePrefix.length), sequence])),
    };
  }

  /** Lets hours pass, 0 or more, for all but the leases, and sets the times back to the hour. */
  async pass(hours: number): Promise<void> {
    const { delayed, deadIndex, suspects } = this.#keys;
    await Promise.all([
      this.#hours.pass(delayed, ranked, hours),
      this.#hours.pass(suspects.delayed, ranked, hours),
      this.#hours.pass(deadIndex, milliseconds, hours),
    ]);
  }

  /** Lets hours pass for the leases. */
  async passForLeases(hours: number): Promise<void> {
    const { leases, suspects } = this.#keys;
    await Promise.all([leases, suspects.leases].map((key) => this.#hours.pass(key, milliseconds, hours)));
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

/** The consumers of a lane that hold something. */
function holdersIn(lane: LaneKeys, found: readonly string[]): readonly string[] {
  const prefix = lane.running("");
  return found.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
}

function laneKeys(lane: LaneKeys, found: readonly string[]): readonly string[] {
  const { allReady, delayed, leases, consumers, idle } = lane;
  return [...allReady, delayed, leases, consumers, idle, ...holdersIn(lane, found).map(lane.running)];
}

/** New messages come in on the left of a list. */
function nextFirst([priority, line]: [number, string[]]): [number, string[]] {
  return [priority, line.toReversed()];
}
