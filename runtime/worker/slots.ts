/** How many messages a worker holds at once, shared fairly among its queues. */
import type { Slots } from "../seams/broker.js";

/** Handlers that end within this time, in milliseconds, on average, are worth having their next message ready. */
const QUICK = 10;
/** What is taken ahead is handled within about this time, in milliseconds. */
const AHEAD = 5;
/** How many messages are taken ahead at most: what a worker that dies holds comes back only when its lease is over. */
const MOST_AHEAD = 500;
/** How much the newest duration counts in the moving average. */
const WEIGHT = 0.05;

/**
 * `concurrency` slots, and more for messages taken ahead while handlers are quick: then a taken message waits for some
 * milliseconds, and the next fetch is under way while the last one is worked on. A worker whose handlers are slow takes
 * nothing ahead, so that no message waits behind them while another worker is idle.
 */
export class WorkerSlots implements Slots {
  #held = 0;
  #refused = false;
  // Until it is known how long handlers take, nothing is taken ahead.
  #average = QUICK * 2;

  constructor(
    readonly concurrency: number,
    readonly consumers: number,
    /** Called when slots are free again after some consumer got none. */
    readonly onFree: () => void,
  ) {}

  reserve(most: number): number {
    const free = this.concurrency + this.#ahead - this.#held;
    // A fair share: the queue that asks first must not take all that the others could use.
    const count = Math.max(0, Math.min(most, Math.ceil(free / this.consumers)));
    if (count < most) this.#refused = true;
    this.#held += count;
    return count;
  }

  get #ahead(): number {
    if (this.#average > QUICK) return 0;
    return Math.min(MOST_AHEAD, Math.floor((this.concurrency * AHEAD) / this.#average));
  }

  free(count: number): void {
    this.#held -= count;
    if (count === 0 || !this.#refused) return;
    this.#refused = false;
    this.onFree();
  }

  /** Learns that messages taken ahead had to wait: handlers have become slow. */
  slowed(): void {
    this.#average = QUICK * 2;
  }

  /** Learns how long a handler took, in milliseconds. */
  took(duration: number): void {
    this.#average += (duration - this.#average) * WEIGHT;
  }
}
