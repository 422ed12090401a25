/** The part that makes metrics, loaded only where they are asked for: it needs a package that not everybody has. */
import { missingPackage } from "./module.js";

/** Loads it; `undefined` where prom-client is not installed. */
export async function loadMetrics() {
  try {
    const [{ createMetrics }, { readMetrics, JoinedMetrics }] = await Promise.all([
      import("../metrics/index.js"),
      import("../metrics/processes.js"),
    ]);
    return { createMetrics, readMetrics, JoinedMetrics };
  } catch (error) {
    if (missingPackage(error) === "prom-client") return undefined;
    throw error;
  }
}
