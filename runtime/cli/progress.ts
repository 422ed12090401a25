/** Tells on a terminal how far long work has come; elsewhere nothing. */

/** How often it is told, in milliseconds. */
const INTERVAL = 100;

export class Progress {
  readonly #what: string;
  readonly #told: boolean;
  #last = -Infinity;

  /** `what` stands before the number. */
  constructor(what: string) {
    this.#what = what;
    this.#told = process.stderr.isTTY === true;
  }

  /** How many are through. */
  readonly tell = (seen: number): void => {
    if (!this.#told || performance.now() - this.#last < INTERVAL) return;
    this.#last = performance.now();
    process.stderr.write(`\r${this.#what} ${seen} …`);
  };

  /** Takes the line away. */
  end(): void {
    if (this.#told && this.#last !== -Infinity) process.stderr.write("\r\u001B[K");
  }
}
