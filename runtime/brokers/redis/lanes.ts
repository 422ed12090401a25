/** Takes messages from one queue: from its line, and from the lane of its suspects once there are any. */
import type { Consumer } from "../../seams/broker.js";

export class Lanes implements Consumer {
  readonly #line: Consumer;
  readonly #openSuspects: () => Consumer;
  readonly #endWatch: () => void;
  #suspects: Consumer | undefined;
  #taking = true;

  /** `openSuspects` begins to take suspects; `watch` tells when there are any, until what it returns is called. */
  constructor(line: Consumer, openSuspects: () => Consumer, watch: (onSuspects: () => void) => () => void) {
    this.#line = line;
    this.#openSuspects = openSuspects;
    this.#endWatch = watch(() => this.#suspect());
  }

  /** Their lane is looked after from now on: where there was one, more may come. */
  #suspect(): void {
    if (!this.#taking || this.#suspects !== undefined) return;
    this.#suspects = this.#openSuspects();
    this.#suspects.pull();
  }

  get healthy(): boolean {
    return this.#all.every(({ healthy }) => healthy);
  }

  pull(): void {
    for (const lane of this.#all) lane.pull();
  }

  async stop(): Promise<void> {
    this.#taking = false;
    await Promise.all(this.#all.map((lane) => lane.stop()));
  }

  async close(): Promise<void> {
    this.#taking = false;
    this.#endWatch();
    await Promise.all(this.#all.map((lane) => lane.close()));
  }

  get #all(): readonly Consumer[] {
    return this.#suspects === undefined ? [this.#line] : [this.#line, this.#suspects];
  }
}
