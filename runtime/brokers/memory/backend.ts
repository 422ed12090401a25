/** What a server would hold: the queues and the results. */
import { systemClock, type Clock } from "../../support/clock.js";
import type { MessageRecord, ProgressRecord, StatusRecord } from "../../seams/controls.js";
import type { PendingState } from "../../vocabulary/errors.js";
import type { Pause } from "../../seams/pauses.js";
import type { SeenWorker } from "../../seams/registry.js";
import type { StoredResult } from "../../seams/results.js";
import type { Holder } from "./claims.js";
import type { MemoryFlow } from "./flow.js";
import type { MemoryBarrier } from "./barriers.js";
import type { MemoryScope } from "./limits.js";
import type { QueueSchedules } from "./schedules.js";
import { MemoryQueue } from "./queue.js";

interface Expiring<T> {
  readonly value: T;
  readonly expires: number;
}

/** Give one to several memory brokers to have them share it, as processes share a server. */
export class MemoryBackend {
  readonly #queues = new Map<string, MemoryQueue>();
  readonly results = new Map<string, Expiring<StoredResult>>();
  readonly states = new Map<string, Expiring<PendingState>>();
  readonly schedules = new Map<string, QueueSchedules>();
  readonly claims = new Map<string, Expiring<Holder>>();
  readonly replaced = new Map<string, Expiring<true>>();
  readonly flows = new Map<string, MemoryFlow>();
  readonly barriers = new Map<string, MemoryBarrier>();
  /** By scope. */
  readonly limits = new Map<string, MemoryScope>();
  readonly statuses = new Map<string, Expiring<StatusRecord>>();
  readonly progresses = new Map<string, Expiring<ProgressRecord>>();
  readonly followers = new Map<string, Set<(record: MessageRecord) => void>>();
  readonly waiters = new Map<string, Set<(result: StoredResult) => void>>();
  readonly workers = new Map<string, Omit<SeenWorker, "silence">>();
  readonly pauses = new Map<string, Pause>();

  constructor(readonly clock: Clock = systemClock) {}

  queue(name: string): MemoryQueue {
    let queue = this.#queues.get(name);
    if (queue === undefined) this.#queues.set(name, (queue = new MemoryQueue(this.clock)));
    return queue;
  }

  /** All queues that were ever named. */
  get queues(): Iterable<MemoryQueue> {
    return this.#queues.values();
  }

  /** The queues that were used. */
  get queueNames(): readonly string[] {
    return [...this.#queues.keys()];
  }

  /** Ends the leases of all consumers of a queue, as if no heartbeat had come: for tests. */
  endLeases(name: string): void {
    for (const consumer of this.queue(name).consumers) consumer.expire();
  }

  /** The value under a key, unless its time is over. */
  read<T>(map: ReadonlyMap<string, Expiring<T>>, key: string): T | undefined {
    const entry = map.get(key);
    return entry !== undefined && entry.expires > this.clock.now() ? entry.value : undefined;
  }

  /** Keeps a value for a while, and forgets it then. */
  write<T>(map: Map<string, Expiring<T>>, key: string, value: T, ttl: number): void {
    const entry = { value, expires: this.clock.now() + ttl };
    map.set(key, entry);
    const forget = () => {
      if (map.get(key) === entry) map.delete(key);
    };
    this.clock.after(ttl, forget, { background: true });
  }
}
