/** One message in a worker's hands, under a test's eyes: it may be struck by a fault, and how it ended is noted. */
import type { DeadLetterInit, Delivery, Publication } from "../seams/broker.js";
import { decodeEnvelope } from "../wire/envelope.js";
import { LeaseLostError, originalOf, type DeadReason, type RemoteError } from "../vocabulary/errors.js";
import { createId } from "../wire/id.js";

/** A handler's attempt that failed, or a message that could not be handled at all. */
export interface Failure {
  /** The message's id. */
  readonly id: string;
  /** The actor's name; absent where the message could not be read. */
  readonly actor: string | undefined;
  /** Which attempt it was, from 1. */
  readonly attempt: number;
  /** What was thrown: the same object. */
  readonly error: unknown;
  /** Why the message is dead; absent where it is to be tried again. */
  readonly reason: DeadReason | undefined;
}

/** What becomes of a delivery beside what the worker does with it. */
export type Fate = "duplicate" | "crash" | undefined;

/** Who watches deliveries. */
export interface Watch {
  failed(failure: Failure): void;
  /** Puts a message into its queue again: now, or when a lease would be over. */
  again(message: Publication, crashes: number, when: "now" | "after its lease"): void;
  ended(delivery: WatchedDelivery): void;
}

export class WatchedDelivery implements Delivery {
  readonly queue: string;
  readonly priority: number;
  readonly body: string;
  readonly #inner: Delivery;
  readonly #fate: Fate;
  readonly #watch: Watch;

  constructor(inner: Delivery, fate: Fate, watch: Watch) {
    this.queue = inner.queue;
    this.priority = inner.priority;
    this.body = inner.body;
    this.#inner = inner;
    this.#fate = fate;
    this.#watch = watch;
  }

  ack(): Promise<void> {
    return this.#settle(() => this.#inner.ack());
  }

  retry(next: Publication, error?: RemoteError): Promise<void> {
    return this.#settle(async () => {
      await this.#inner.retry(next, error);
      if (error !== undefined) this.#fail(error, undefined);
    });
  }

  reject(letter: DeadLetterInit): Promise<void> {
    return this.#settle(async () => {
      await this.#inner.reject(letter);
      this.#fail(letter.error, letter.reason);
    });
  }

  async release(): Promise<void> {
    try {
      await this.#inner.release();
    } finally {
      this.#watch.ended(this);
    }
  }

  async #settle(step: () => Promise<void>): Promise<void> {
    const { id, crashes } = this.#identity();
    const message: Publication = { id, queue: this.queue, priority: this.priority, delay: 0, body: this.body };
    try {
      if (this.#fate === "crash") {
        // The memory broker lets go of it without a trace; its lease is this watch's affair from now on.
        await this.#inner.ack();
        this.#watch.again(message, crashes + 1, "after its lease");
        throw new LeaseLostError("the test had the worker die before it could settle this message");
      }
      await step();
      if (this.#fate === "duplicate") this.#watch.again(message, crashes, "now");
    } finally {
      this.#watch.ended(this);
    }
  }

  #fail(error: RemoteError, reason: DeadReason | undefined): void {
    const { id, actor, attempt } = this.#identity();
    this.#watch.failed({ id, actor, attempt, error: originalOf(error), reason });
  }

  /** What is known of a message that may be no envelope at all. */
  #identity(): { readonly id: string; readonly actor: string | undefined; attempt: number; crashes: number } {
    try {
      return decodeEnvelope(this.body);
    } catch {
      return { id: createId(), actor: undefined, attempt: 1, crashes: 0 };
    }
  }
}
