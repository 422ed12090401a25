/** What processes share, in memory. */
import type { FlowStore } from "../../seams/flows.js";
import type { StateStore } from "../../seams/state.js";
import type { MemoryBackend } from "./backend.js";
import { MemoryBarriers } from "./barriers.js";
import { MemoryLimits } from "./limits.js";
import { MemoryPauses } from "./pauses.js";
import { MemorySchedules } from "./schedules.js";
import { MemoryWorkers } from "./workers.js";
import { MemoryFlows } from "./flows.js";
import { MemoryControls } from "./controls.js";

export class MemoryState implements StateStore {
  readonly name = "memory";
  readonly flows: FlowStore;
  readonly backend: MemoryBackend;
  readonly workers: MemoryWorkers;
  readonly pauses: MemoryPauses;
  readonly controls: MemoryControls;
  readonly limits: MemoryLimits;
  readonly barriers: MemoryBarriers;
  readonly schedules: MemorySchedules;

  constructor(backend: MemoryBackend) {
    this.flows = new MemoryFlows(backend);
    this.backend = backend;
    this.workers = new MemoryWorkers(backend);
    this.schedules = new MemorySchedules(backend);
    this.pauses = new MemoryPauses(backend);
    this.controls = new MemoryControls(backend);
    this.limits = new MemoryLimits(backend);
    this.barriers = new MemoryBarriers(backend);
  }
}
