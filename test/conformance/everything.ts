/** All cases, for a broker that has everything itself. */
import { describeBroker } from "./broker.js";
import { describeClaims } from "./claims.js";
import { describeControl } from "./control.js";
import { describeFlowEnds } from "./flow-ends.js";
import { describeFlowStore } from "./flow-store.js";
import { describeFlows } from "./flows.js";
import { describeLimiters } from "./limiters.js";
import { describeLimitedActors, describeLimits } from "./limits.js";
import { describeOperations } from "./operations.js";
import { describeResults } from "./results.js";
import { describeRetries } from "./retries.js";
import { describeSchedules } from "./schedules.js";
import { describeTracking } from "./tracking.js";
import { describeUnique } from "./unique.js";
import { describeWorker } from "./worker.js";
import type { BrokerHarness } from "./harness.js";

/** Checks a broker that keeps results and state itself. */
export function describeEverything(name: string, harness: BrokerHarness): void {
  describeBroker(name, harness);
  describeClaims(name, harness);
  describeResults(name, harness);
  describeSchedules(name, harness);
  describeUnique(name, harness);
  describeRetries(name, harness);
  describeLimits(name, harness);
  describeLimitedActors(name, harness);
  describeLimiters(name, harness);
  describeWorker(name, harness);
  describeOperations(name, harness);
  describeFlowStore(name, harness);
  describeFlows(name, harness, { sharesResults: true });
  describeFlowEnds(name, harness, { sharesResults: true });
  describeControl(name, harness, { knowsHolders: true, sharesResults: true });
  describeTracking(name, harness);
}
