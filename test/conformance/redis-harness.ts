/** What the conformance suites need of a Redis server, or of a cluster. */
import { randomUUID } from "node:crypto";
import { redisBroker, type RedisBrokerOptions, type RedisClusterTarget } from "callboard/redis";
import { Cluster, Redis } from "ioredis";
import type { Broker } from "../../runtime/seams/broker.js";
import { queueKeys } from "../../runtime/brokers/redis/keys.js";
import type { BrokerHarness } from "./harness.js";

const sweepInterval = 250;
const brief = { lease: 1500, deadLetterTtl: 3000 };

export function redisHarness(target: () => string | RedisClusterTarget): BrokerHarness {
  return {
    async open() {
      const prefix = `test:${randomUUID()}`;
      const redis = connect(target());
      const brokers: Broker[] = [];
      const open = (options: RedisBrokerOptions = {}) => {
        const broker = redisBroker(target(), { prefix, sweepInterval, ...options });
        brokers.push(broker);
        return broker;
      };
      return {
        connect: () => open(),
        connectBriefly: () => open(brief),
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
      recovery: brief.lease + 2 * sweepInterval,
      deadLetterTtl: brief.deadLetterTtl,
      soon: 100,
      grain: 50,
    },
    cannot: {},
  };
}

function connect(target: string | RedisClusterTarget): Redis | Cluster {
  return typeof target === "string" ? new Redis(target) : new Cluster([...target.cluster]);
}
