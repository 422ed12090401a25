/**
 * The seam to a state store: what processes share beside the messages themselves. Each feature that needs some has a
 * seam of its own here, so that a store is a few small parts. Nothing in it outlives its time.
 */
import type { Pauses } from "./pauses.js";
import type { WorkerRegistry } from "./registry.js";

export interface StateStore {
  /** For people: the kind and where it is, never a password. */
  readonly name: string;
  /** Which workers there are. */
  readonly workers: WorkerRegistry;
  /** What is paused. It is the one thing here that lasts, until somebody resumes it. */
  readonly pauses: Pauses;
}
