/** The part that makes metrics, loaded only where they are asked for: it needs a package that not everybody has. */
import { missingPackage } from "./module.js";

/** Loads it; `undefined` where prom-client is not installed. */
export async function loadMetrics() {
  try {
    const [{ createMetrics }, { readMetrics, joinMetrics }] = await Promise.all([
      import("../metrics/index.js"),
      import("../metrics/processes.js"),
    ]);
    return { createMetrics, readMetrics, joinMetrics };
  } catch (error) {
    if (missingPackage(error) === "prom-client") return undefined;
    throw error;
  }
}
