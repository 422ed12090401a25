/** The memory broker keeps every broker's promises. Its time is moved. */
import { describeEverything } from "./everything.js";
import { memoryHarness } from "./memory-harness.js";

describeEverything("memory", memoryHarness);
