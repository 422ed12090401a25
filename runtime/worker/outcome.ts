/** How an attempt ended. Middleware returns it; only dispatch acts on it. */
import type { DeadReason, RemoteError } from "../errors.js";

export type Outcome = Done | Retry | Dead | Release;

/** How a message left a worker: after an attempt, or without one. */
export type Ending = Outcome | Postpone;

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
}

/** No attempt follows: the message goes to the dead letters. */
export interface Dead {
  readonly kind: "dead";
  readonly reason: DeadReason;
  readonly error: RemoteError;
  /** How many attempts were made, this one included; 0 where the handler never ran. */
  readonly attempts: number;
}

/** It was no attempt at all: the message goes back as it came. */
export interface Release {
  readonly kind: "release";
}

/** It was no attempt, as this worker does not know its actor: it goes back for one that does. */
export interface Postpone {
  readonly kind: "postpone";
  /** Milliseconds until it is looked at again. */
  readonly delay: number;
  readonly error: RemoteError;
}
