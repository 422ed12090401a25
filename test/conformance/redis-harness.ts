/** What the conformance suites need of a Redis server, or of a cluster. */
import { randomUUID } from "node:crypto";
import { redisBroker, type RedisBrokerOptions, type RedisClusterTarget } from "callboard/redis";
import { Cluster, Redis } from "ioredis";
import type { Broker } from "../../runtime/seams/broker.js";
import { queueKeys } from "../../runtime/brokers/redis/keys.js";
import type { BrokerHarness } from "./harness.js";

const times = { sweepInterval: 250, deadLetterTtl: 3000 };
const BRIEF_LEASE = 1500;

export function redisHarness(target: () => string | RedisClusterTarget): BrokerHarness {
  return {
    async open() {
      const prefix = `test:${randomUUID()}`;
      const redis = connect(target());
      const brokers: Broker[] = [];
      const open = (options: RedisBrokerOptions) => {
        const broker = redisBroker(target(), { prefix, ...options });
        brokers.push(broker);
        return broker;
      };
      return {
        connect: () => open(times),
        connectBriefly: () => open({ ...times, lease: BRIEF_LEASE }),
        pass: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
        endLeases: async (queue) => void (await redis.del(queueKeys(prefix, queue).leases)),
        inject: async (queue, body) => void (await redis.lpush(queueKeys(prefix, queue).ready(5), body)),
        async close() {
          await Promise.all(brokers.map((broker) => broker.close()));
          redis.disconnect();
        },
      };
    },
    times: {
      recovery: BRIEF_LEASE + 2 * times.sweepInterval,
      deadLetterTtl: times.deadLetterTtl,
      soon: 100,
      grain: 50,
    },
    cannot: {},
  };
}

function connect(target: string | RedisClusterTarget): Redis | Cluster {
  return typeof target === "string" ? new Redis(target) : new Cluster([...target.cluster]);
}
