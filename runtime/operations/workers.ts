/** The workers that are there, and those that may have gone. */
import type { SeenWorker } from "../seams/registry.js";
import { defaults } from "../vocabulary/defaults.js";
import { stateOf, type OperatorContext } from "./context.js";

/** How long a worker may say nothing, in milliseconds: two heartbeats. */
const PATIENCE = 2 * defaults.worker.heartbeat;

/** A worker, and whether it can be counted on. */
export interface ListedWorker extends SeenWorker {
  /** It has missed its heartbeats: it was killed, its event loop is blocked, or it cannot reach the store. */
  readonly silent: boolean;
}

/** Whether a worker has missed its heartbeats. */
export function isSilent({ silence }: SeenWorker): boolean {
  return silence > PATIENCE;
}

/** All workers that have been heard of in the last seconds, by host and process. */
export async function workersOf({ broker }: OperatorContext): Promise<readonly ListedWorker[]> {
  const { workers } = stateOf(broker, "only there do workers say that they are there");
  return (await workers.list())
    .map((worker) => ({ ...worker, silent: isSilent(worker) }))
    .toSorted((a, b) => a.host.localeCompare(b.host) || a.pid - b.pid);
}
