/** The seam to a result store: where an answer is kept, and how the one who waits for it is woken. */
import type { MaybePromise } from "../support/maybe.js";
import type { DeadReason, PendingState, RemoteError } from "../vocabulary/errors.js";

/** Why a message ended without an answer: it is dead, or it was cancelled. */
export type FailureReason = DeadReason | "cancelled";

/** The end of a message, as it is stored. */
export type StoredResult = { readonly ok: true; readonly output: unknown; readonly encoding?: string } | StoredFailure;

/** The end of a message without an answer. */
export interface StoredFailure {
  readonly ok: false;
  readonly reason: FailureReason;
  readonly error: RemoteError;
  readonly attempts: number;
  /** Of a flow: the step that it failed with. */
  readonly step?: { readonly node: number; readonly actor: string };
}

/** Why a message has no answer. */
export type Failed = Pick<StoredFailure, "reason" | "error" | "attempts">;

/** What came of waiting: the end of the message, or what is known of it so far. */
export type Awaited = { readonly done: StoredResult } | { readonly pending: PendingState };

/** Keeps results. Everything that this seam promises is shown by `test/conformance`. */
export interface ResultStore {
  /** Whether a result reaches only the process whose address its message carries. False where it is left out. */
  readonly addressedOnly?: boolean;
  /** Keeps a result for `ttl` milliseconds and wakes everybody who waits for it; `reply` is where a caller said it listens. */
  put(id: string, result: StoredResult, ttl: number, reply?: string): Promise<void>;
  /**
   * Keeps a result where there is none yet, and wakes everybody who waits for it. What there is instead; `undefined`
   * where it was kept. A failure that is there may be of an earlier life, before the message was replayed.
   */
  offer(id: string, result: StoredResult, ttl: number, options: OfferOptions): Promise<StoredResult | undefined>;
  /** Notes that an attempt failed and another follows; `reply` as in `put`. */
  note(id: string, state: PendingState, ttl: number, reply?: string): Promise<void>;
  /**
   * Where this process listens for replies; a promise until it does. A message that carries this address in `reply`
   * wakes a waiter without a further round trip.
   */
  address(): MaybePromise<string>;
  /** Waits at most `timeout` milliseconds. `addressed`: the message carries this process's address. Never polls. */
  wait(id: string, options: WaitOptions): Promise<Awaited>;
}

/** What an offered result may take the place of. */
export interface OfferOptions {
  readonly overFailure: boolean;
}

/** How to wait for a result. */
export interface WaitOptions {
  readonly timeout: number;
  readonly addressed: boolean;
  /** The sending of the message: where it fails, the waiting does. */
  readonly sent?: Promise<unknown>;
}
