/** Tells on a terminal how far long work has come; elsewhere nothing. */

/** How often it is told, in milliseconds; what takes no longer is not told at all. */
const INTERVAL = 200;

export class Progress {
  readonly #what: string;
  #toldAt = performance.now();
  #told = false;

  /** `what` stands before the number. */
  constructor(what: string) {
    this.#what = what;
  }

  /** How many are through. */
  readonly tell = (seen: number): void => {
    if (process.stderr.isTTY !== true || performance.now() - this.#toldAt < INTERVAL) return;
    this.#toldAt = performance.now();
    this.#told = true;
    process.stderr.write(`\r${this.#what} ${seen} …`);
  };

  /** Takes the line away. */
  end(): void {
    if (this.#told) process.stderr.write("\r\u001B[K");
  }
}
