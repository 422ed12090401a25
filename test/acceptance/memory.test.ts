/** Dramatiq's cases on the memory broker. Its time is moved. */
import { memoryHarness } from "../conformance/memory-harness.js";
import { describeCases } from "./cases.js";

describeCases("memory", memoryHarness);
