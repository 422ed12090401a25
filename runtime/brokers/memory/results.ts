/** Results in memory. */
import type { PendingState } from "../../vocabulary/errors.js";
import type { Awaited, OfferOptions, ResultStore, StoredResult, WaitOptions } from "../../seams/results.js";
import { isFinal, readResult, writeResult } from "../../wire/stored-result.js";
import type { MemoryBackend } from "./backend.js";

export class MemoryResults implements ResultStore {
  readonly #backend: MemoryBackend;
  /** How those who wait here are told that there will be nothing. */
  readonly #waiting = new Set<(error: Error) => void>();

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async put(id: string, result: StoredResult, ttl: number): Promise<void> {
    const { results, states, waiters } = this.#backend;
    const there = this.#backend.read(results, id);
    // An answer is written once: a worker that lost its lease must not replace it.
    if (there !== undefined && isFinal(there)) return;
    // Through JSON, so that no test passes on a value that would not travel.
    const stored = readResult(id, writeResult(result));
    this.#backend.write(results, id, stored, ttl);
    states.delete(id);
    for (const wake of waiters.get(id) ?? []) wake(stored);
  }

  async offer(id: string, result: StoredResult, ttl: number, { overFailure }: OfferOptions) {
    const there = this.#backend.read(this.#backend.results, id);
    if (there !== undefined && (isFinal(there) || !overFailure)) return there;
    await this.put(id, result, ttl);
    return undefined;
  }

  async note(id: string, state: PendingState, ttl: number): Promise<void> {
    this.#backend.write(this.#backend.states, id, state, ttl);
  }

  address(): string {
    return "memory";
  }

  wait(id: string, { timeout, sent }: WaitOptions): Promise<Awaited> {
    const { results, states, waiters, clock } = this.#backend;
    const there = this.#backend.read(results, id);
    if (there !== undefined) return Promise.resolve({ done: there });
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        cancel();
        const others = waiters.get(id);
        others?.delete(wake);
        if (others?.size === 0) waiters.delete(id);
        this.#waiting.delete(fail);
        settle();
      };
      const fail = (error: Error) => end(() => reject(error));
      const wake = (done: StoredResult) => end(() => resolve({ done }));
      const cancel = clock.after(timeout, () =>
        end(() => resolve({ pending: this.#backend.read(states, id) ?? { state: "pending" } })),
      );
      waiters.set(id, (waiters.get(id) ?? new Set()).add(wake));
      this.#waiting.add(fail);
      sent?.catch(fail);
    });
  }
  /** Tells those who wait that the broker is closed. */
  end(error: Error): void {
    for (const fail of [...this.#waiting]) fail(error);
  }
}
