/** The workers that are there. */
import type { SeenWorker } from "../seams/registry.js";
import { stateOf, type OperatorContext } from "./context.js";

/** All workers that have been heard of in the last seconds, by host and process. */
export async function workersOf({ broker }: OperatorContext): Promise<readonly SeenWorker[]> {
  const { workers } = stateOf(broker, "only there do workers say that they are there");
  return (await workers.list()).toSorted((a, b) => a.host.localeCompare(b.host) || a.pid - b.pid);
}
