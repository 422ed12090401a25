/** Waits until nothing runs, without asking again and again. */
import { afterRealTime, realElapsed, turn } from "./turn.js";

export class Stillness {
  readonly #listeners = new Set<() => void>();

  /** Says that something was begun or ended. */
  moved(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Waits until nothing is busy; false where that takes more than so many milliseconds of real time. */
  async reached(busy: () => boolean, limit: number): Promise<boolean> {
    const deadline = realElapsed() + limit;
    for (await turn(); busy(); await turn()) {
      const left = deadline - realElapsed();
      if (left <= 0) return false;
      await this.#movement(left);
    }
    return true;
  }

  /** Resolves when something moved, or after so many milliseconds of real time. */
  #movement(limit: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#listeners.delete(end);
        resolve();
      };
      const cancel = afterRealTime(limit, end);
      this.#listeners.add(end);
    });
  }
}
