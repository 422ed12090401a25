/** The dead letters in memory. */
import type { DeadLetter, DeadLetterFate, DeadLetterFilter, DeadLetters } from "../../seams/broker.js";
import { asFirstAttempt, fits } from "../../wire/dead-letter.js";
import { defaults } from "../../vocabulary/defaults.js";
import type { MaybePromise } from "../../support/maybe.js";
import type { MemoryBackend } from "./backend.js";

export class MemoryDeadLetters implements DeadLetters {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async list(name: string, filter: DeadLetterFilter = {}): Promise<readonly DeadLetter[]> {
    return this.#find(name, { ...filter, limit: filter.limit ?? defaults.broker.deadLetterLimit });
  }

  async replay(name: string, id: string): Promise<boolean> {
    const letter = this.#remove(name, id);
    if (letter === undefined) return false;
    const { priority } = letter;
    this.#backend.queue(name).add({ id, queue: name, priority, delay: 0, body: asFirstAttempt(letter) });
    return true;
  }

  async settle(
    name: string,
    filter: DeadLetterFilter,
    decide: (letter: DeadLetter) => MaybePromise<DeadLetterFate>,
  ): Promise<{ readonly replayed: number; readonly removed: number }> {
    let [replayed, removed] = [0, 0];
    for (const letter of this.#find(name, filter)) {
      const fate = await decide(letter);
      if (fate === "replay" && (await this.replay(name, letter.id))) replayed++;
      if (fate === "remove" && this.#remove(name, letter.id) !== undefined) removed++;
    }
    return { replayed, removed };
  }

  async purge(name: string): Promise<number> {
    const queue = this.#backend.queue(name);
    const count = queue.dead.length;
    queue.dead = [];
    return count;
  }

  #find(name: string, filter: DeadLetterFilter): readonly DeadLetter[] {
    const found = this.#backend.queue(name).dead.filter((letter) => fits(letter, filter));
    return found.toReversed().slice(0, filter.limit);
  }

  #remove(name: string, id: string): DeadLetter | undefined {
    const queue = this.#backend.queue(name);
    const letter = queue.dead.find((each) => each.id === id);
    queue.dead = queue.dead.filter((each) => each !== letter);
    return letter;
  }
}
