/** Reads a message's input before its handler is called: opens it, revives it, validates it. */
import type { Actor } from "../../actor.js";
import { defaults } from "../../vocabulary/defaults.js";
import type { Envelope } from "../../wire/envelope.js";
import {
  InvalidInputError,
  toRemoteError,
  UndecodableError,
  UnsealableError,
  type DeadReason,
} from "../../vocabulary/errors.js";
import { andThen, orElse, type MaybePromise } from "../../support/maybe.js";
import type { Checked } from "../../schema.js";
import type { Seal } from "../../wire/seal.js";
import { readValue } from "../../wire/wire-value.js";
import type { Dead, Outcome } from "../outcome.js";
import type { RunningTask } from "../task.js";
import type { Next } from "./compose.js";

export function input(seal: Seal | undefined) {
  return function input(task: RunningTask, next: Next): MaybePromise<Outcome> {
    const { actor, envelope } = task;
    if (envelope.crashes > defaults.broker.maxCrashes) {
      const times = `${envelope.crashes} workers died or lost their lease while they held this message`;
      return dead("crash-loop", new Error(times), task.message.attempt);
    }
    // Not one chain with what follows: what a handler throws is no fault of the input.
    const read = orElse<Checked | Dead>(() => readInput(actor, envelope, seal), unreadable);
    return andThen(read, (known) => {
      if ("kind" in known) return known;
      if (!known.ok) return unfit(actor, envelope, known);
      task.accept(known.value);
      return next();
    });
  };
}

/** The input as it travelled, opened and validated. Throws where it cannot be read. */
export function readInput(
  actor: Actor,
  { id, v, encoding, input }: Envelope,
  seal: Seal | undefined,
): MaybePromise<Checked> {
  const plain = encoding === undefined && seal === undefined;
  const value = plain ? input : readValue(input, encoding, { kind: "input", id, actor: actor.name, v }, seal);
  return actor.input.check(value);
}

function unfit(actor: Actor, { v }: Envelope, { issues }: Extract<Checked, { readonly ok: false }>): Dead {
  const other = v !== actor.fingerprint;
  const hint = other ? ` (sent with contract ${v}, this worker has ${actor.fingerprint})` : "";
  return unreadable(new InvalidInputError(actor.name, issues, hint));
}

/** The input does not fit, its schema threw, its tags are malformed, or its seal does not open: nothing here can read it. */
function unreadable(error: unknown): Dead {
  return dead(reasonOf(error), error, 0);
}

function reasonOf(error: unknown): DeadReason {
  if (error instanceof UnsealableError) return "unsealable";
  return error instanceof UndecodableError ? "undecodable" : "invalid-input";
}

function dead(reason: DeadReason, error: unknown, attempts: number): Dead {
  return { kind: "dead", reason, error: toRemoteError(error, { stack: true }), attempts };
}
