/** The Redis broker in the model's runs, on a server that nobody else uses. */
import { redisBroker } from "callboard/redis";
import { Redis } from "ioredis";
import type { Broker, Consumer, DeadLetterInit } from "../../runtime/seams/broker.js";
import { queueKeys } from "../../runtime/brokers/redis/keys.js";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { eventually } from "../support/eventually.js";
import { byPriorityThenBytes, HOUR } from "./queue.js";
import { RedisHours } from "./redis-hours.js";
import { RedisKeys } from "./redis-keys.js";
import { DEAD_LETTER_HOURS, QUEUE, queueInWords, type SeamState, type Venue } from "./seam.js";

const PREFIX = "model";
const keys = queueKeys(PREFIX, QUEUE);
/** So long that no machine is so slow. */
const LEASE = 10 * HOUR;
const SWEEP_INTERVAL = 20;

export class RedisVenue implements Venue {
  readonly suspectCrashes = defaults.broker.suspectCrashes;
  readonly patience = 10_000;
  readonly promotes = false;
  readonly sameHour = byPriorityThenBytes;
  readonly #url: string;
  readonly #redis: Redis;
  #contents: RedisKeys | undefined;

  constructor(url: string) {
    this.#url = url;
    this.#redis = new Redis(url);
  }

  async reset(): Promise<void> {
    await this.#redis.flushall();
    this.#contents = new RedisKeys(this.#redis, await RedisHours.begin(this.#redis), keys);
  }

  connect(): Broker {
    return redisBroker(this.#url, {
      prefix: PREFIX,
      lease: LEASE,
      sweepInterval: SWEEP_INTERVAL,
      deadLetterTtl: DEAD_LETTER_HOURS * HOUR,
    });
  }

  async state(): Promise<SeamState> {
    await this.#keys.pass(0);
    const { main, ...queue } = await this.#keys.read();
    const dead = Object.entries(queue.dead).map(([id, { letter, hours }]) => [id, { letter: bodyIn(letter), hours }]);
    return queueInWords({ ...main, dead: Object.fromEntries(dead) });
  }

  pass(hours: number): Promise<void> {
    return this.#keys.pass(hours);
  }

  /** A consumer is known here by what it holds. */
  async expire(_consumer: Consumer, bodies: readonly string[]): Promise<void> {
    const { running } = (await this.#keys.read()).main;
    const holder = Object.keys(running).find((id) => {
      const own = Object.values(running[id] ?? {});
      return own.length === bodies.length && own.every((body) => bodies.includes(body));
    });
    if (holder === undefined) return;
    await this.#redis.zrem(keys.leases, holder);
    await eventually("the sweeper to find it", async () => !(await this.#redis.exists(keys.running(holder))));
  }

  async poke(): Promise<void> {
    const channels = await this.#redis.zrange(keys.idle, 0, "-1");
    await Promise.all(channels.map((channel) => this.#redis.publish(channel, "")));
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }

  get #keys(): RedisKeys {
    if (this.#contents === undefined) throw new Error("reset() comes first");
    return this.#contents;
  }
}

/** The message in a dead letter. */
function bodyIn(letter: string): string {
  const { body } = JSON.parse(letter) as DeadLetterInit;
  return body;
}
