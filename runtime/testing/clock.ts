/** A clock that stands still until it is moved. */
import type { Clock } from "../support/clock.js";
import { turn } from "./turn.js";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Time that a test moves: nothing is due until it says so, and then in order. */
export class MovableClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves the clock; calls back on the way, in order, and lets everything settle in between. */
  async pass(milliseconds: number, settle: () => Promise<unknown> = turn): Promise<void> {
    const end = this.#now + milliseconds;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#call(next);
      await settle();
    }
    this.#now = end;
  }

  /** Moves the clock to whatever is next, and calls that back. False where nothing waits for it. */
  step(): boolean {
    const next = this.#next(Infinity);
    if (next !== undefined) this.#call(next);
    return next !== undefined;
  }

  #call(timer: Timer): void {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.callback();
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }
}
