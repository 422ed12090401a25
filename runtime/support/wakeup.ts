/** Waits that others may end: a call that comes between two of them ends the next one. */
import type { Clock } from "./clock.js";

export class Wakeup {
  readonly #clock: Clock;
  #called = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the wait. */
  readonly call = (): void => {
    this.#called = true;
    this.#wake?.();
  };

  /** Resolves when it was called, or after so many milliseconds. */
  async wait(milliseconds: number): Promise<void> {
    if (!this.#called) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(milliseconds, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#called = false;
    this.#wake = undefined;
  }
}
