/** All scenarios, in the order of the table. */
import type { Scenario } from "../scenario.js";
import { badBytes } from "./bad-bytes.js";
import { blockedLoop } from "./blocked-loop.js";
import { deploy } from "./deploy.js";
import { failingWhileDown } from "./failing-while-down.js";
import { flood } from "./flood.js";
import { heldLimits } from "./held-limits.js";
import { killedServer } from "./killed-server.js";
import { killedWorker } from "./killed-worker.js";
import { network } from "./network.js";
import { poison } from "./poison.js";
import { random } from "./random.js";
import { singleness } from "./singleness.js";
import { wrongClocks } from "./wrong-clocks.js";

export const scenarios: readonly Scenario[] = [
  killedWorker,
  killedServer,
  network,
  failingWhileDown,
  blockedLoop,
  wrongClocks,
  poison,
  badBytes,
  deploy,
  random,
  flood,
  heldLimits,
  singleness,
];
