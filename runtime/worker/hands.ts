/** The messages in a worker's hands: those it handles, as many at once as it may, and those taken ahead of the next. */
import type { Answer, Delivery } from "../seams/broker.js";
import { settle, type Attempt, type Dispatch } from "./dispatch.js";
import type { Holder } from "./patience.js";
import type { Presence } from "./presence.js";
import type { Settlements } from "./settlements.js";
import type { WorkerSlots } from "./slots.js";
import type { RunningTask } from "./task.js";

/** How long a message that was taken ahead may wait for a handler to end, in milliseconds. */
const LONGEST_WAIT_AHEAD = 100;

/** What hands work with. */
export interface HandsContext {
  readonly slots: WorkerSlots;
  readonly dispatch: Dispatch;
  readonly settlements: Settlements;
  /** Absent where the broker has no state store. */
  readonly presence: Presence | undefined;
}

/** A message that was taken ahead. */
interface Waiting {
  readonly delivery: Delivery;
  readonly since: number;
}

export class Hands {
  readonly #context: HandsContext;
  /** Messages taken ahead, which wait for a handler to end. */
  readonly #waiting: Waiting[] = [];
  #impatience: NodeJS.Timeout | undefined;
  /** What is being handled, with its task once it has one. */
  readonly #running = new Map<Delivery, Work>();
  #onDrained: (() => void) | undefined;
  #isShut = false;

  constructor(context: HandsContext) {
    this.#context = context;
  }

  /** How many handlers are running. */
  get running(): number {
    return this.#running.size;
  }

  /** How many messages of each queue are handled, where any are. */
  countByQueue(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { queue } of this.#running.keys()) counts.set(queue, (counts.get(queue) ?? 0) + 1);
    return counts;
  }

  /** Handles a message, now or when another one ends. */
  take(delivery: Delivery): void {
    if (this.#isShut) this.#giveBack(delivery);
    else if (this.#running.size < this.#context.slots.concurrency) this.#run(delivery);
    else this.#wait(delivery);
  }

  /** Deliveries that are in other hands: those that run are told, those that wait are forgotten. */
  lose(deliveries: readonly Delivery[], reason: Error): void {
    for (const delivery of deliveries) {
      const work = this.#running.get(delivery);
      if (work !== undefined) {
        work.task?.abort(reason);
        continue;
      }
      const index = this.#waiting.findIndex((waiting) => waiting.delivery === delivery);
      if (index === -1) continue;
      this.#waiting.splice(index, 1);
      this.#context.slots.free(1);
    }
  }

  /** From now on, what comes is given back. Those who asked to hear of it are told. */
  shut(reason: Error): void {
    this.#isShut = true;
    for (const { task } of this.#running.values()) if (task?.options.notifyShutdown === true) task.abort(reason);
  }

  /** Gives back what was taken ahead. */
  giveBackWaiting(): void {
    clearTimeout(this.#impatience);
    for (const { delivery } of this.#waiting.splice(0)) this.#giveBack(delivery);
  }

  /** Aborts what still runs. */
  abort(reason: Error): void {
    for (const { task } of this.#running.values()) task?.abort(reason);
  }

  /** Gives back the messages of what still runs; what becomes of their handlers does not count. */
  giveBackRunning(): void {
    for (const [delivery, work] of this.#running) {
      work.abandoned = true;
      this.#giveBack(delivery);
    }
  }

  /** Resolves when no handler runs. */
  drained(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onDrained = resolve));
  }

  #run(delivery: Delivery): void {
    const work = new Work();
    const started = performance.now();
    const attempt = this.#context.dispatch.attempt(delivery, work);
    // A handler that does not wait is through already: it costs no promise.
    if (!(attempt instanceof Promise)) return this.#end(delivery, work, attempt, started);
    this.#running.set(delivery, work);
    void attempt.then((late) => {
      this.#running.delete(delivery);
      this.#end(delivery, work, late, started);
      this.#runWaiting();
    });
  }

  #end(delivery: Delivery, work: Work, attempt: Attempt, started: number): void {
    const { slots, presence, settlements } = this.#context;
    slots.took(performance.now() - started);
    // The slot is offered to all queues before this one's settlement fetches again.
    slots.free(1);
    if (work.abandoned) return;
    const { answer } = attempt;
    const { kind } = attempt.outcome;
    if (kind !== "postpone" && kind !== "release" && kind !== "taken") presence?.count(delivery.queue);
    // Most end so, and keep neither task nor input in memory until the broker has answered.
    if (kind === "done") settlements.add(delivery, answer === undefined ? ack : answerWith(answer));
    else settlements.add(delivery, () => settle(delivery, attempt), work);
  }

  #runWaiting(): void {
    while (this.#running.size < this.#context.slots.concurrency) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.take(next.delivery);
    }
    if (this.#running.size === 0) this.#onDrained?.();
  }

  /** Keeps a message for the next handler that ends. */
  #wait(delivery: Delivery): void {
    this.#waiting.push({ delivery, since: performance.now() });
    this.#impatience ??= setTimeout(() => this.#returnWaiting(), LONGEST_WAIT_AHEAD);
  }

  /** Gives messages back that were taken ahead of handlers which turned out to be slow: other workers may be idle. */
  #returnWaiting(): void {
    this.#impatience = undefined;
    const first = this.#waiting[0];
    if (first === undefined) return;
    const left = first.since + LONGEST_WAIT_AHEAD - performance.now();
    if (left > 1) {
      this.#impatience = setTimeout(() => this.#returnWaiting(), left);
      return;
    }
    const { slots } = this.#context;
    slots.slowed();
    const returned = this.#waiting.splice(0);
    for (const { delivery } of returned) this.#giveBack(delivery);
    slots.free(returned.length);
  }

  #giveBack(delivery: Delivery): void {
    this.#context.settlements.add(delivery, release);
  }
}

const ack = (delivery: Delivery) => delivery.ack();
const answerWith = (answer: Answer) => (delivery: Delivery) => delivery.answer?.(answer) ?? delivery.ack();
const release = (delivery: Delivery) => delivery.release();

/** One message that is handled. */
class Work implements Holder {
  task: RunningTask | undefined;
  /** Its message was given back; what its handler does no longer counts. */
  abandoned = false;

  get abortReason(): Error | undefined {
    return this.task?.abortReason;
  }
}
