/** Ends an attempt that runs longer than its actor's `timeLimit`. */
import type { Clock } from "../../support/clock.js";
import { TimeLimitError } from "../../vocabulary/errors.js";
import type { Outcome } from "../outcome.js";
import type { Middleware } from "./compose.js";

/**
 * Aborts `task.signal` and fails the attempt when the time is over. JavaScript cannot be stopped from outside: a
 * handler that ignores the signal goes on in the background, but its message no longer waits for it.
 */
export function timeLimit(clock: Clock): Middleware {
  const deadlines = new Map<number, Deadlines>();
  return function timeLimit(task, next) {
    const running = next();
    // What ended without waiting could not have been stopped.
    if (!(running instanceof Promise)) return running;
    const limit = task.options.timeLimit;
    return new Promise<Outcome>((resolve, reject) => {
      const met = deadlinesOf(limit).set(() => {
        const error = new TimeLimitError(task.actor.name, limit);
        task.abort(error);
        reject(error);
      });
      running.then(
        (outcome) => {
          met();
          resolve(outcome);
        },
        (error: unknown) => {
          met();
          reject(error as Error);
        },
      );
    });
  };

  function deadlinesOf(limit: number): Deadlines {
    let found = deadlines.get(limit);
    if (found === undefined) deadlines.set(limit, (found = new Deadlines(clock, limit, () => deadlines.delete(limit))));
    return found;
  }
}

interface Deadline {
  readonly at: number;
  readonly missed: () => void;
}

/** Deadlines that are all equally far away when they are set, so that one timer serves them in their order. */
class Deadlines {
  readonly #clock: Clock;
  readonly #distance: number;
  readonly #onNone: () => void;
  readonly #pending = new Set<Deadline>();
  #timed = false;

  /** `onNone`: nobody waits for one of them any more. */
  constructor(clock: Clock, distance: number, onNone: () => void) {
    this.#clock = clock;
    this.#distance = distance;
    this.#onNone = onNone;
  }

  /** Returns what says that it was met. */
  set(missed: () => void): () => void {
    const deadline = { at: this.#clock.elapsed() + this.#distance, missed };
    this.#pending.add(deadline);
    if (!this.#timed) this.#time(this.#distance);
    return () => this.#pending.delete(deadline);
  }

  // The worker keeps the process alive; its deadlines need not.
  #time(wait: number): void {
    this.#timed = true;
    this.#clock.after(wait, () => this.#check(), { background: true });
  }

  #check(): void {
    this.#timed = false;
    const now = this.#clock.elapsed();
    for (const deadline of this.#pending) {
      if (deadline.at > now) return this.#time(deadline.at - now);
      this.#pending.delete(deadline);
      deadline.missed();
    }
    this.#onNone();
  }
}
