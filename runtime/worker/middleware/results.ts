/** Stores how a message ended, for the one who waits for it, before the message is acked or in one step with that. */
import {
  CancelledError,
  InvalidOutputError,
  LeaseLostError,
  toRemoteError,
  type PendingState,
  type RemoteError,
} from "../../vocabulary/errors.js";
import { andThen, type MaybePromise } from "../../support/maybe.js";
import type { Failed, StoredFailure, StoredResult } from "../../seams/results.js";
import type { Seal } from "../../wire/seal.js";
import { assertFits, cancellation, writeResult } from "../../wire/stored-result.js";
import { TAGGED, toTagged } from "../../vocabulary/tagged.js";
import { isSealed, sealValue } from "../../wire/wire-value.js";
import type { Outcome } from "../outcome.js";
import { again } from "../patience.js";
import type { MiddlewareTask, RunningTask } from "../task.js";
import type { Next } from "./compose.js";
import type { LayerContext } from "./stack.js";

export function results(context: LayerContext) {
  return function results(task: RunningTask, next: Next): MaybePromise<Outcome> {
    return andThen(next(), (outcome) => stored(context, task, outcome));
  };
}

/** The outcome, once it is in the store or on its way there. */
function stored(context: LayerContext, task: RunningTask, outcome: Outcome): MaybePromise<Outcome> {
  // A message in other hands is answered by those.
  if (task.abortReason instanceof LeaseLostError) return outcome;
  const failed = (error: unknown) => afterTrouble(context, task, outcome, error);
  try {
    // One promise and no more: most of what a quick message costs here.
    return keep(context, task, outcome)?.then(() => outcome, failed) ?? outcome;
  } catch (error) {
    return failed(error);
  }
}

/** Sees the store through an outage; an output that nobody could read again ends as `invalid-output`. */
async function afterTrouble(
  context: LayerContext,
  task: RunningTask,
  outcome: Outcome,
  error: unknown,
): Promise<Outcome> {
  if (outcome.kind === "done" && isUnfit(error)) {
    const issues = [{ path: "", message: `it cannot be stored: ${error.message}` }];
    const unfit = new InvalidOutputError(task.actor.name, issues);
    return stored(context, task, {
      kind: "dead",
      reason: "invalid-output",
      error: toRemoteError(unfit, { stack: true }),
      attempts: task.message.attempt,
    });
  }
  const tell = (trouble: Error) => task.log.warn({ err: trouble }, "the result cannot be stored yet; trying again");
  await again(context.clock, task, error, async () => keep(context, task, outcome), tell);
  return outcome;
}

/** JSON refuses it, being a circle or a type that the output's schema leaves open; or it is too large or too deep. */
function isUnfit(error: unknown): error is TypeError | RangeError {
  return error instanceof TypeError || error instanceof RangeError;
}

/** Stores what the caller learns of an outcome; `undefined` where that is nothing, or is stored with the ack. */
function keep({ broker, seal }: LayerContext, task: RunningTask, outcome: Outcome): Promise<void> | undefined {
  const { id, reply, flow } = task.envelope;
  const ttl = task.options.resultTtl;
  // A middleware outside may have made something else of an attempt that had its answer.
  task.answer = undefined;
  switch (outcome.kind) {
    case "done": {
      const result = success(task, outcome.output, seal);
      // Once a flow has recorded its end, a step is not run again: its answer has to be there before.
      if (task.delivery.answer === undefined || flow !== undefined) return broker.results.put(id, result, ttl, reply);
      task.answer = { id, json: writeResult(result), ttl, reply };
      return undefined;
    }
    case "dead":
      return broker.results.put(id, failure(outcome), ttl, reply);
    case "retry": {
      const state = retrying(outcome.error, task.message.attempt);
      // Kept until after the next attempt has had its time.
      return broker.results.note(id, state, outcome.delay + ttl, reply);
    }
    case "cancelled":
      return broker.results.put(id, cancellation(new CancelledError(task.actor.name, id)), ttl, reply);
    case "release":
    case "postpone":
    case "taken":
      return undefined;
  }
}

/** An answer is sealed where its message was: whoever sealed that can open this. */
function success({ actor, envelope }: MiddlewareTask, returned: unknown, seal: Seal | undefined): StoredResult {
  const tagged = actor.output?.tagged === true;
  const output = tagged ? toTagged(returned) : returned;
  if (seal === undefined || !isSealed(envelope.encoding)) {
    return tagged ? { ok: true, output, encoding: TAGGED } : { ok: true, output };
  }
  const owner = { kind: "output", id: envelope.id, actor: actor.name } as const;
  const json = JSON.stringify(output) as string | undefined;
  if (json !== undefined) assertFits(json, output);
  const { value, encoding } = sealValue(seal, json, tagged, owner);
  return { ok: true, output: value, encoding };
}

/** What a caller learns of a message that is not through. */
export function retrying({ name, message }: RemoteError, attempt: number): PendingState {
  return { state: "retrying", attempt, error: { name, message } };
}

/** A failure as its caller learns it. */
export function failure({ reason, error, attempts }: Failed): StoredFailure {
  return { ok: false, reason, error, attempts };
}
