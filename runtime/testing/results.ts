/** The results of a test: whoever waits for one learns of a failure by it, and nobody waits for ever. */
import { MemoryResults } from "../brokers/memory/results.js";
import type { MemoryBackend } from "../brokers/memory/index.js";
import type { Awaited, WaitOptions } from "../seams/results.js";
import { afterRealTime } from "./turn.js";

export class TestResults extends MemoryResults {
  readonly #backend: MemoryBackend;
  readonly #patience: number;
  readonly #told: (id: string) => void;

  /**
   * @param patience How long a wait may last in real time, in milliseconds: while the clock stands still, its own timeout
   *   never comes.
   * @param told Hears of each message whose failure its caller learned.
   */
  constructor(backend: MemoryBackend, patience: number, told: (id: string) => void) {
    super(backend);
    this.#backend = backend;
    this.#patience = patience;
    this.#told = told;
  }

  override async wait(id: string, options: WaitOptions): Promise<Awaited> {
    const awaited = await this.#patiently(id, options);
    if ("done" in awaited && !awaited.done.ok) this.#told(id);
    return awaited;
  }

  #patiently(id: string, options: WaitOptions): Promise<Awaited> {
    return new Promise((resolve, reject) => {
      const { states } = this.#backend;
      const cancel = afterRealTime(this.#patience, () =>
        resolve({ pending: this.#backend.read(states, id) ?? { state: "pending" } }),
      );
      super.wait(id, options).finally(cancel).then(resolve, reject);
    });
  }
}
