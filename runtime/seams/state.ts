/** The seam to a state store: what processes share beside the messages themselves. */
import type { BarrierStore } from "./barriers.js";
import type { ClaimStore } from "./claims.js";
import type { ControlStore } from "./controls.js";
import type { FlowStore } from "./flows.js";
import type { LimitStore } from "./limits.js";
import type { Pauses } from "./pauses.js";
import type { WorkerRegistry } from "./registry.js";
import type { ScheduleStore } from "./schedules.js";

/** A few small parts: each feature that needs something shared has a seam of its own. Nothing in it outlives its time. */
export interface StateStore {
  /** For people: the kind and where it is, never a password. */
  readonly name: string;
  /** Pipelines and groups. */
  readonly flows: FlowStore;
  /** Which workers there are. */
  readonly workers: WorkerRegistry;
  /** What is paused. It lasts until somebody resumes it. */
  readonly pauses: Pauses;
  /** Single messages: cancelled ones, their status, their progress. */
  readonly controls: ControlStore;
  /** Who has a place under a limit, and who waits for one. */
  readonly limits: LimitStore;
  /** Meetings of a known number of members. */
  readonly barriers: BarrierStore;
  /** Claims for a broker that keeps none itself; absent where a store serves its own broker only. */
  readonly claims?: ClaimStore;
  /** Who leads the schedules, how far they have come, and those that were made at run time, until somebody ends them. */
  readonly schedules: ScheduleStore;
}
