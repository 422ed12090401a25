/** One queue in memory: what waits, what is held back, what is dead, and who takes from it. */
import type { DeadLetter, DeadLetterInit, Publication } from "../../seams/broker.js";
import type { Clock } from "../../support/clock.js";
import { defaults } from "../../vocabulary/defaults.js";
import { MemoryCancellations } from "./cancellations.js";

/** Who takes from a queue. */
export interface Taker {
  /** How many messages it holds. */
  readonly holding: number;
  /** Says that there is something to take. */
  pull(): void;
  /** Its lease is over. */
  expire(): void;
  /** The bodies that it holds, also after it has stopped to take. */
  readonly bodies: readonly string[];
}

/** A message that waits, and how many workers died with it. */
export interface Waiting {
  readonly publication: Publication;
  readonly crashes: number;
}

interface DelayedMessage extends Waiting {
  readonly due: number;
}

/** One queue: what waits, what is held back, what is dead, and who takes from it. */
export class MemoryQueue {
  /** By priority, 0 to 9. */
  readonly ready: Waiting[][] = Array.from({ length: 10 }, () => []);
  readonly delayed = new Set<DelayedMessage>();
  readonly consumers = new Set<Taker>();
  /** Everybody who took from it and may hold something. */
  readonly holders = new Set<Taker>();
  /** What is cancelled of it. */
  readonly cancelled: MemoryCancellations;
  #dead: readonly DeadLetter[] = [];
  #paused = false;

  constructor(readonly clock: Clock) {
    this.cancelled = new MemoryCancellations(clock);
  }

  /** The dead letters that are not too old, the oldest first. */
  get dead(): readonly DeadLetter[] {
    const since = this.clock.now() - defaults.broker.deadLetterTtl;
    return this.#dead.filter(({ diedAt }) => diedAt > since);
  }

  set dead(letters: readonly DeadLetter[]) {
    this.#dead = letters;
  }

  /** The ids of what is in somebody's hands. */
  held(): ReadonlySet<unknown> {
    return new Set([...this.holders].flatMap(({ bodies }) => bodies.map(idOf)));
  }

  add(publication: Publication, crashes = 0): void {
    if (publication.delay === 0) return this.put({ publication, crashes }, "last");
    const delayed: DelayedMessage = {
      publication: { ...publication, delay: 0 },
      crashes,
      due: this.clock.now() + publication.delay,
    };
    this.delayed.add(delayed);
    const promote = () => {
      this.delayed.delete(delayed);
      this.put(delayed, "last");
    };
    this.clock.after(publication.delay, promote, { background: true });
  }

  put(waiting: Waiting, place: "first" | "last"): void {
    const list = this.ready[waiting.publication.priority];
    if (place === "first") list?.unshift(waiting);
    else list?.push(waiting);
    this.#callAll();
    // Another one is first next time.
    const [first] = this.consumers;
    if (first !== undefined && this.consumers.delete(first)) this.consumers.add(first);
  }

  /** Whether whoever takes from it gets a message. */
  get offers(): boolean {
    return !this.#paused && this.ready.some((list) => list.length > 0);
  }

  take(): Waiting | undefined {
    if (this.#paused) return undefined;
    for (let priority = 9; priority >= 0; priority--) {
      const waiting = this.ready[priority]?.shift();
      if (waiting !== undefined) return waiting;
    }
    return undefined;
  }

  /** Gives nothing out until it is resumed. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#callAll();
  }

  bury(letter: DeadLetterInit): void {
    this.dead = [...this.dead, { ...letter, diedAt: this.clock.now() }];
  }

  #callAll(): void {
    for (const consumer of this.consumers) consumer.pull();
  }
}

/** A message's id; `undefined` where it is no envelope. */
function idOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { readonly id?: unknown } | null)?.id;
  } catch {
    return undefined;
  }
}
