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
  /** The next one last; of several at one time the one that was set first. */
  readonly #timers: Timer[] = [];

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
    this.#timers.splice(this.#placeOf(timer.at), 0, timer);
    return () => this.#remove(timer);
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
    this.#remove(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.callback();
  }

  #next(end: number): Timer | undefined {
    const first = this.#timers.at(-1);
    return first !== undefined && first.at <= end ? first : undefined;
  }

  #remove(timer: Timer): void {
    const index = this.#timers.lastIndexOf(timer);
    if (index >= 0) this.#timers.splice(index, 1);
  }

  /** Where a timer belongs, by halving: a test that moves on by days may leave tens of thousands. */
  #placeOf(at: number): number {
    let [from, to] = [0, this.#timers.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#timers[middle]?.at ?? at) > at) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
