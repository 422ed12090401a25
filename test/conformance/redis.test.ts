/** The Redis broker keeps every broker's promises, on a real server. */
import { inject } from "vitest";
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

const harness = redisHarness(() => inject("redisUrl"));

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
