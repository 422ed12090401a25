/** What processes share, in memory. */
import type { StateStore } from "../../state.js";
import type { MemoryBackend } from "./backend.js";
import { MemoryPauses } from "./pauses.js";
import { MemoryWorkers } from "./workers.js";

export class MemoryState implements StateStore {
  readonly name = "memory";
  readonly backend: MemoryBackend;
  readonly workers: MemoryWorkers;
  readonly pauses: MemoryPauses;

  constructor(backend: MemoryBackend) {
    this.backend = backend;
    this.workers = new MemoryWorkers(backend);
    this.pauses = new MemoryPauses(backend);
  }
}
