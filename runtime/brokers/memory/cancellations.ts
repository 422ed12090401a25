/** What is cancelled of a queue in memory. */
import type { Clock } from "../../support/clock.js";
import type { Cancellable, Cancellations } from "../../seams/controls.js";
import { defaults } from "../../vocabulary/defaults.js";

export class MemoryCancellations implements Cancellations {
  readonly running = new Set<Cancellable>();
  readonly #clock: Clock;
  /** The newest mark of each id. */
  readonly #marks = new Map<string, symbol>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(id: string): boolean {
    return this.#marks.has(id);
  }

  async met(id: string): Promise<boolean> {
    if (!this.has(id)) return false;
    this.#keep(id, defaults.control.keepMet);
    return true;
  }

  /** Remembers a message for so many milliseconds, and tells those who run it. */
  add(id: string, keep: number): void {
    this.#keep(id, keep);
    for (const attempt of this.running) if (attempt.id === id) attempt.cancel();
  }

  forget(id: string): void {
    this.#marks.delete(id);
  }

  #keep(id: string, time: number): void {
    const mark = Symbol(id);
    this.#marks.set(id, mark);
    const forget = () => {
      if (this.#marks.get(id) === mark) this.forget(id);
    };
    this.#clock.after(time, forget, { background: true });
  }
}
