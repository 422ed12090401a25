/** All scenarios, in the order of the table. */
import type { Scenario } from "../scenario.js";
import { killedWorker } from "./killed-worker.js";

export const scenarios: readonly Scenario[] = [killedWorker];
