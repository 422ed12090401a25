/** What processes share, in memory. */
import type { StateStore } from "../../state.js";
import type { MemoryBackend } from "./backend.js";

export class MemoryState implements StateStore {
  readonly name = "memory";
  readonly backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.backend = backend;
  }
}
