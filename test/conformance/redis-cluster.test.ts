/** The Redis broker keeps its promises on a Redis Cluster: three primaries and their replicas, reached by three of the six. */
import { afterAll, beforeAll } from "vitest";
import { startRedisCluster, type RedisCluster } from "../setup/redis-cluster.js";
import { describeBroker } from "./broker.js";
import { describeOperations } from "./operations.js";
import { describeClaims } from "./claims.js";
import { describeFlowEnds } from "./flow-ends.js";
import { describeFlowStore } from "./flow-store.js";
import { describeFlows } from "./flows.js";
import { describeControl } from "./control.js";
import { redisHarness } from "./redis-harness.js";
import { describeLimiters } from "./limiters.js";
import { describeLimitedActors, describeLimits } from "./limits.js";
import { describeResults } from "./results.js";
import { describeSchedules } from "./schedules.js";
import { describeUnique } from "./unique.js";
import { describeRetries } from "./retries.js";
import { describeTracking } from "./tracking.js";
import { describeWorker } from "./worker.js";

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster.stop());

const harness = redisHarness(() => ({ cluster: cluster.nodes.slice(2, 5).map(({ url }) => url) }));

describeBroker("redis", harness);
describeClaims("redis", harness);
describeResults("redis", harness);
describeSchedules("redis", harness);
describeUnique("redis", harness);
describeRetries("redis", harness);
describeLimits("redis", harness);
describeLimitedActors("redis", harness);
describeLimiters("redis", harness);
describeWorker("redis", harness);
describeOperations("redis", harness);
describeFlowStore("redis", harness);
describeFlows("redis", harness, { sharesResults: true });
describeFlowEnds("redis", harness, { sharesResults: true });
describeControl("redis", harness, { knowsHolders: true, sharesResults: true });
describeTracking("redis", harness);
