/** The Redis broker keeps every broker's promises, on a real server. */
import { inject } from "vitest";
import { redisHarness } from "./redis-harness.js";
import { describeEverything } from "./everything.js";

const harness = redisHarness(() => inject("redisUrl"));

describeEverything("redis", harness);
