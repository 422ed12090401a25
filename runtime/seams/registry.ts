/** The seam to the registry of workers: each says every few seconds that it is there, and what it does. */
import type { Pause } from "./pauses.js";

/** How much a worker does for one queue. */
export interface QueueLoad {
  readonly queue: string;
  /** Messages that it handles now. */
  readonly running: number;
  /** Messages that it was through with in a second, lately. */
  readonly rate: number;
}

/** What a worker says of itself. */
export interface WorkerRecord {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** How long it has been running, in milliseconds. */
  readonly uptime: number;
  readonly concurrency: number;
  /** Its queues, partitions one by one. */
  readonly queues: readonly QueueLoad[];
  /** The actors of these queues that it handles; absent where its version does not say. */
  readonly actors?: readonly string[];
}

/** A worker, and when it was last heard of: milliseconds since 1970 by the store's clock. */
export interface SeenWorker extends WorkerRecord {
  readonly seenAt: number;
  /** How long ago that was by the same clock, in milliseconds: nobody else's has to agree with it. */
  readonly silence: number;
}

/** The workers that are there. One that is not heard of for `defaults.worker.absence` is forgotten. */
export interface WorkerRegistry {
  /** Says that a worker is there, and hears what is paused. */
  beat(record: WorkerRecord): Promise<readonly Pause[]>;
  /** Says that it has gone. */
  leave(id: string): Promise<void>;
  list(): Promise<readonly SeenWorker[]>;
}
