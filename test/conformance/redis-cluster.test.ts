/**
 * The Redis broker keeps its promises on a server in cluster mode, which refuses every script that touches keys of
 * different slots. One node holds all slots here.
 */
import { Redis } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { eventually } from "../support/eventually.js";
import { describeBroker } from "./broker.js";
import { redisHarness } from "./redis-harness.js";
import { describeResults } from "./results.js";
import { describeWorker } from "./worker.js";

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis({ args: ["--cluster-enabled", "yes"] });
  const redis = new Redis(server.url);
  await redis.cluster("ADDSLOTSRANGE", 0, 16383);
  await eventually("the cluster", async () => (await redis.cluster("INFO")).includes("cluster_state:ok"));
  redis.disconnect();
});
afterAll(() => server.stop());

const harness = redisHarness(() => server.url);

describeBroker("redis", harness);
describeResults("redis", harness);
describeWorker("redis", harness);
