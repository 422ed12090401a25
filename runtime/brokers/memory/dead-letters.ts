/** The dead letters in memory. */
import type { DeadLetter, DeadLetters } from "../../broker.js";
import { asFirstAttempt } from "../../dead-letter.js";
import type { MemoryBackend } from "./backend.js";

export class MemoryDeadLetters implements DeadLetters {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async list(name: string, { limit = 100 }: { readonly limit?: number } = {}): Promise<readonly DeadLetter[]> {
    return this.#backend.queue(name).dead.toReversed().slice(0, limit);
  }

  async replay(name: string, id: string): Promise<boolean> {
    const queue = this.#backend.queue(name);
    const letter = queue.dead.find((each) => each.id === id);
    if (letter === undefined) return false;
    queue.dead = queue.dead.filter((each) => each !== letter);
    queue.add({ id, queue: name, priority: letter.priority, delay: 0, body: asFirstAttempt(letter) });
    return true;
  }

  async purge(name: string): Promise<number> {
    const queue = this.#backend.queue(name);
    const count = queue.dead.length;
    queue.dead = [];
    return count;
  }
}
