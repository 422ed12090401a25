/** The memory broker keeps every broker's promises. Its time is moved. */
import { describeBroker } from "./broker.js";
import { describeClaims } from "./claims.js";
import { describeFlowStore } from "./flow-store.js";
import { describeFlows } from "./flows.js";
import { describeControl } from "./control.js";
import { memoryHarness as harness } from "./memory-harness.js";
import { describeOperations } from "./operations.js";
import { describeLimiters } from "./limiters.js";
import { describeLimitedActors, describeLimits } from "./limits.js";
import { describeResults } from "./results.js";
import { describeUnique } from "./unique.js";
import { describeRetries } from "./retries.js";
import { describeWorker } from "./worker.js";

describeBroker("memory", harness);
describeClaims("memory", harness);
describeResults("memory", harness);
describeUnique("memory", harness);
describeRetries("memory", harness);
describeLimits("memory", harness);
describeLimitedActors("memory", harness);
describeLimiters("memory", harness);
describeWorker("memory", harness);
describeOperations("memory", harness);
describeFlowStore("memory", harness);
describeFlows("memory", harness, { sharesResults: true });
describeControl("memory", harness, { knowsHolders: true, sharesResults: true });
