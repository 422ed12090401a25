/** How an attempt ended. Middleware returns it; only dispatch acts on it. */
import type { HeaderChanges } from "../wire/envelope.js";
import type { DeadReason, RemoteError } from "../vocabulary/errors.js";

export type Outcome = Done | Retry | Dead | Release | Postpone | Taken | Cancelled;

/** The handler is through with the message. */
export interface Done {
  readonly kind: "done";
  /** What the handler returned, validated; `undefined` for fire and forget. */
  readonly output: unknown;
}

/** The attempt failed and another one follows. */
export interface Retry {
  readonly kind: "retry";
  /** Milliseconds until the next attempt. */
  readonly delay: number;
  readonly error: RemoteError;
  /** Contract or handler said that this would come: it is logged as no trouble. */
  readonly foreseen?: boolean;
}

/** No attempt follows: the message goes to the dead letters. */
export interface Dead {
  readonly kind: "dead";
  readonly reason: DeadReason;
  readonly error: RemoteError;
  /** How many attempts were made, this one included; 0 where the handler never ran. */
  readonly attempts: number;
  /** Contract or handler said that this would come: it is logged as no trouble. */
  readonly foreseen?: boolean;
}

/** It was no attempt at all: the message goes back as it came. */
export interface Release {
  readonly kind: "release";
}

/** It was no attempt, as it cannot be made here or now: the message is looked at again later. */
export interface Postpone {
  readonly kind: "postpone";
  /** Milliseconds until then. */
  readonly delay: number;
  /** Why, where somebody waits for an answer. */
  readonly error?: RemoteError;
  /** What the message remembers of it. */
  readonly changes?: HeaderChanges;
}

/** The message was cancelled: it is forgotten, and whatever came of the attempt with it. */
export interface Cancelled {
  readonly kind: "cancelled";
}

/** It was no attempt, and the message is no longer in the queue: something else has it now, or it is not to be run. */
export interface Taken {
  readonly kind: "taken";
}
