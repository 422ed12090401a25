/** What is paused, in memory. */
import type { Pause, Pauses, PauseTarget } from "../../seams/pauses.js";
import type { MemoryBackend } from "./backend.js";

export class MemoryPauses implements Pauses {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async pause(target: PauseTarget): Promise<boolean> {
    const { pauses, clock } = this.#backend;
    if (pauses.has(keyOf(target))) return false;
    pauses.set(keyOf(target), { ...target, since: clock.now() });
    if (target.kind === "queue") this.#backend.queue(target.name).pause();
    return true;
  }

  async resume(target: PauseTarget): Promise<boolean> {
    if (target.kind === "queue") this.#backend.queue(target.name).resume();
    return this.#backend.pauses.delete(keyOf(target));
  }

  async list(): Promise<readonly Pause[]> {
    return [...this.#backend.pauses.values()];
  }
}

function keyOf({ kind, name }: PauseTarget): string {
  return `${kind} ${name}`;
}
