/** The seam to what is known of single messages beside the queue: that they are cancelled, how they stand, how far they are. */
import type { MaybePromise } from "./maybe.js";

/** A message that is to be cancelled. */
export interface ToCancel {
  readonly id: string;
  /** How long it is remembered, in milliseconds: longer than the message can wait. */
  readonly keep: number;
}

/**
 * What a queue knew of a message that was cancelled.
 *
 * - `waiting`: no worker has it, and none will run it.
 * - `held`: a worker has it. That worker is told, and no other will run it.
 * - `unknown`: the store does not know who has it. Whoever does is told, and nobody else will run it.
 * - `dead`: it is in the dead letters; nothing was done.
 */
export type Found = "waiting" | "held" | "unknown" | "dead";

/** An attempt that runs, as long as it can be cancelled. */
export interface Cancellable {
  readonly id: string;
  readonly cancel: () => void;
}

/** What a worker knows of the cancelled messages of one queue. */
export interface Cancellations {
  /**
   * Whether a message is cancelled that was just taken. Whatever was cancelled before it was taken is known. At once
   * where the broker sees to that with each fetch.
   */
  has(id: string): MaybePromise<boolean>;
  /** A cancelled message was met. Whether it still is cancelled; if so, it is soon forgotten. */
  met(id: string): Promise<boolean>;
  /** Attempts that run: each is told when its message is cancelled. */
  readonly running: Set<Cancellable>;
}

/** Keeps what is known of single messages. Everything that this seam promises is shown by `test/conformance/control.ts`. */
export interface ControlStore {
  /** Cancels messages of a queue, and tells the workers that have them; what was found of each. */
  cancel(queue: string, messages: readonly ToCancel[]): Promise<readonly Found[]>;
  /** Takes it back, for messages that turned out to have ended before. */
  restore(queue: string, ids: readonly string[]): Promise<void>;
  /** What is cancelled in a queue. */
  cancelled(queue: string): Cancellations;
}
