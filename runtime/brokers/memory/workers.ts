/** The registry of workers in memory. */
import { defaults } from "../../vocabulary/defaults.js";
import type { Pause } from "../../seams/pauses.js";
import type { SeenWorker, WorkerRecord, WorkerRegistry } from "../../seams/registry.js";
import type { MemoryBackend } from "./backend.js";

export class MemoryWorkers implements WorkerRegistry {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async beat(record: WorkerRecord): Promise<readonly Pause[]> {
    const { workers, pauses, clock } = this.#backend;
    workers.set(record.id, { ...record, seenAt: clock.now() });
    return [...pauses.values()];
  }

  async leave(id: string): Promise<void> {
    this.#backend.workers.delete(id);
  }

  async list(): Promise<readonly SeenWorker[]> {
    const { workers, clock } = this.#backend;
    for (const { id, seenAt } of workers.values()) {
      if (seenAt <= clock.now() - defaults.worker.absence) workers.delete(id);
    }
    return [...workers.values()].map((worker) => ({ ...worker, silence: clock.now() - worker.seenAt }));
  }
}
