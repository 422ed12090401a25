/** The Redis broker keeps its promises on a Redis Cluster: three primaries and their replicas, reached by three of the six. */
import { afterAll, beforeAll } from "vitest";
import { startRedisCluster, type RedisCluster } from "../setup/redis-cluster.js";
import { redisHarness } from "./redis-harness.js";
import { describeEverything } from "./everything.js";

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster.stop());

const harness = redisHarness(() => ({ cluster: cluster.nodes.slice(2, 5).map(({ url }) => url) }));

describeEverything("redis", harness);
