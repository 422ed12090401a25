/** Redis as a venue. Each scenario has a prefix of its own. */
import { Redis } from "ioredis";
import { queueKeys, resultKeys, type LaneKeys } from "../../runtime/brokers/redis/keys.js";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { eventually } from "../support/eventually.js";
import { QUEUE } from "./actors.js";
import type { BrokerPlan } from "./plan.js";
import { deadLettersOf, idOf, type Place, type Theatre, type Venue } from "./venue.js";

/** The lease, and how often workers look for others whose lease is over, in milliseconds. */
const LEASE = 2000;
const SWEEP = 500;

/** A Redis that writes each command to disk before it answers (`always`), or once a second. */
export async function redisTheatre(appendonly: "always" | "everysec" = "always"): Promise<Theatre> {
  const server = await startRedis({ appendonly });
  return {
    kind: "redis",
    open: (name) => Promise.resolve(new RedisVenue(server, name)),
    close: () => server.stop(),
  };
}

class RedisVenue implements Venue {
  readonly kind = "redis";
  readonly store = undefined;
  readonly plan: BrokerPlan;
  readonly recovery = { killed: LEASE + SWEEP, silent: LEASE + SWEEP };
  readonly places = ["queue", "delayed", "held", "dead"] as const;
  readonly #prefix: string;
  #injected = 0;

  constructor(
    readonly server: RedisServer,
    prefix: string,
  ) {
    this.#prefix = prefix;
    const options = { prefix, lease: LEASE, sweepInterval: SWEEP } as const;
    this.plan = { kind: "redis", url: server.url, options };
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  memory(): Promise<number> {
    return this.#ask(async (redis) => {
      await redis.call("MEMORY", "PURGE");
      return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
    });
  }

  leftovers(): Promise<readonly string[]> {
    return this.#ask(async (redis) => {
      const bodies: string[] = [];
      for (const key of await redis.keys(`${this.#prefix}:{${QUEUE}}:*`)) {
        if (key.includes(":ready:")) bodies.push(...(await redis.lrange(key, 0, -1)));
        else if (key.includes(":running:")) bodies.push(...(await redis.hvals(key)));
        else if (key.endsWith(":delayed")) bodies.push(...(await redis.zrange(key, "0", "-1")));
      }
      return bodies.map(idOf);
    });
  }

  forgetTheDead(): Promise<void> {
    const { suspects, ...main } = queueKeys(this.#prefix, QUEUE);
    return this.#ask(async (redis) => {
      const [seconds] = await redis.time();
      // Whoever renews a lease from now on lives.
      const renewed = (Number(seconds) + 1) * 1000 + LEASE;
      const isForgotten = async ({ leases, consumers }: LaneKeys) => {
        const [all, known] = await Promise.all([
          redis.zrange(leases, 0, "-1", "WITHSCORES"),
          redis.smembers(consumers),
        ]);
        const ends = all.filter((_, i) => i % 2 === 1).map(Number);
        return ends.every((end) => end > renewed) && known.every((consumer) => all.includes(consumer));
      };
      await eventually("the dead to be forgotten", async () => (await isForgotten(main)) && isForgotten(suspects));
    });
  }

  debris(): Promise<readonly string[]> {
    return this.#ask(async (redis) => {
      const keys = await redis.keys(`${this.#prefix}:*`);
      const lasting = await Promise.all(keys.map(async (key) => ((await redis.pttl(key)) === -1 ? [key] : [])));
      return lasting.flat().filter((key) => !/:dead(:index)?$/.test(key));
    });
  }

  deadLetters() {
    return deadLettersOf(this.plan);
  }

  inject(place: Place, bytes: Buffer): Promise<void> {
    const keys = queueKeys(this.#prefix, QUEUE);
    const count = this.#injected++;
    return this.#ask(async (redis) => {
      if (place === "queue") {
        await redis.lpush(keys.ready(count % 10), bytes);
      } else if (place === "delayed") {
        // Scores as ours are, and others.
        const scores = [Date.now() * 10, Date.now() * 10 + 0.5, -count, "-inf"];
        await redis.zadd(keys.delayed, scores[count % scores.length] ?? 0, bytes);
      } else if (place === "dead") {
        await redis.hset(keys.dead, `foreign ${count}`, bytes);
        await redis.zadd(keys.deadIndex, Date.now(), `foreign ${count}`);
      } else {
        const [consumer = ""] = await redis.smembers(keys.consumers);
        // Fields as ours are, and others that Lua takes for numbers or does not.
        const fields = [
          `${90_000_000_000 + count}`,
          `${count}.5`,
          `foreign ${count}`,
          `nan(${count})`,
          `1e${400 + count}`,
        ];
        await redis.hset(keys.running(consumer), fields[count % fields.length] ?? "", bytes);
      }
    });
  }

  answer(address: string, id: string, bytes: Buffer): Promise<void> {
    const { result, state } = resultKeys(this.#prefix, id);
    return this.#ask(async (redis) => {
      await redis.set(state, bytes, "PX", 60_000);
      await redis.set(result, bytes, "PX", 60_000);
      await redis.publish(address, Buffer.concat([Buffer.from(`${id} `), bytes]));
    });
  }

  close(): Promise<void> {
    return this.#ask(async (redis) => void (await redis.flushall()));
  }

  async #ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.server.url);
    try {
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  }
}
