/** Says every few seconds that a worker is there and what it does, and learns which actors are paused. */
import { hostname } from "node:os";
import { settlesWithin, systemClock } from "../support/clock.js";
import { defaults } from "../vocabulary/defaults.js";
import { BrokerRefusedError } from "../vocabulary/errors.js";
import { createId } from "../wire/id.js";
import type { MaybePromise } from "../support/maybe.js";
import type { StateStore } from "../seams/state.js";
import type { Logger } from "./logger.js";

/** How long the store may take before a worker begins without having heard what is paused, in milliseconds. */
const PATIENCE = 1000;
/** Over how many heartbeats a rate is reckoned. */
const WINDOW = 5;

/** What a worker does at this moment. */
export interface Doing {
  readonly concurrency: number;
  /** Its queues, partitions one by one. */
  readonly queues: readonly string[];
  /** The actors of these queues. */
  readonly actors: readonly string[];
  /** How many messages of each queue it handles, where it handles any. */
  readonly running: ReadonlyMap<string, number>;
}

/** How many messages of each queue were done with, up to a moment of `systemClock.elapsed()`. */
interface Tally {
  readonly at: number;
  readonly counts: ReadonlyMap<string, number>;
}

export class Presence {
  readonly #state: StateStore;
  readonly #logger: Logger;
  readonly #doing: () => Doing;
  readonly #id = createId();
  readonly #started = systemClock.elapsed();
  readonly #counts = new Map<string, number>();
  readonly #tallies: Tally[] = [];
  #paused: ReadonlySet<string> = new Set();
  /** Resolves when it is known what is paused, or nobody can tell. */
  #learning: Promise<unknown> | undefined;
  #beating: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #refused = false;

  constructor(state: StateStore, logger: Logger, doing: () => Doing) {
    this.#state = state;
    this.#logger = logger;
    this.#doing = doing;
  }

  start(): void {
    this.#beat();
    const learnt = settlesWithin(systemClock, PATIENCE, this.#beating ?? Promise.resolve());
    this.#learning = learnt.then(() => (this.#learning = undefined));
    this.#timer = setInterval(() => this.#beat(), defaults.worker.heartbeat).unref();
  }

  /** Says that the worker has gone, if the store hears it in time. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await settlesWithin(systemClock, PATIENCE, this.#leave());
  }

  /** Notes that a message of a queue is done with. */
  count(queue: string): void {
    this.#counts.set(queue, (this.#counts.get(queue) ?? 0) + 1);
  }

  /** Whether messages of an actor are to be held back; at once, but for the first moment. */
  isPaused(actor: string): MaybePromise<boolean> {
    if (this.#learning !== undefined) return this.#learning.then(() => this.#paused.has(actor));
    return this.#paused.has(actor);
  }

  #beat(): void {
    // A store that is away is not asked twice.
    this.#beating ??= this.#tell().finally(() => (this.#beating = undefined));
  }

  /** Never rejects: while the store is away, everything stays as it was. */
  async #tell(): Promise<void> {
    try {
      const pauses = await this.#state.workers.beat(this.#record());
      this.#paused = new Set(pauses.flatMap(({ kind, name }) => (kind === "actor" ? [name] : [])));
    } catch (error) {
      if (this.#refused || !(error instanceof BrokerRefusedError) || error.passing) return;
      this.#refused = true;
      this.#logger.warn({ err: error }, "this worker is not listed, and does not hear which actors are paused");
    }
  }

  async #leave(): Promise<void> {
    await this.#beating;
    // Forgotten anyhow after a while.
    await this.#state.workers.leave(this.#id).catch(() => undefined);
  }

  #record() {
    const { concurrency, queues, actors, running } = this.#doing();
    const at = systemClock.elapsed();
    const before = this.#tallies[0] ?? { at: this.#started, counts: new Map() };
    const seconds = Math.max(1, at - before.at) / 1000;
    const rateOf = (queue: string) => ((this.#counts.get(queue) ?? 0) - (before.counts.get(queue) ?? 0)) / seconds;
    this.#tallies.push({ at, counts: new Map(this.#counts) });
    if (this.#tallies.length > WINDOW) this.#tallies.shift();
    return {
      id: this.#id,
      host: hostname(),
      pid: process.pid,
      uptime: Math.round(at - this.#started),
      concurrency,
      queues: queues.map((queue) => ({
        queue,
        running: running.get(queue) ?? 0,
        rate: Math.round(rateOf(queue) * 10) / 10,
      })),
      actors,
    };
  }
}
