/** Faults injected on a real Redis server. */
import { describeScenarios } from "./scenario.js";
import { scenarios } from "./scenarios/index.js";
import { redisTheatre } from "./redis-venue.js";

describeScenarios("redis", redisTheatre, scenarios);
