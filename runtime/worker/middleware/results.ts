/** Stores how a message ended, for the one who waits for it, before the message is acked. */
import type { Clock } from "../../clock.js";
import { InvalidOutputError, LeaseLostError, toRemoteError } from "../../errors.js";
import type { ResultStore, StoredResult } from "../../results.js";
import { TAGGED, toTagged } from "../../tagged.js";
import type { Dead, Outcome } from "../outcome.js";
import { whileUnavailable } from "../patience.js";
import type { RunningTask } from "../task.js";
import type { Middleware } from "./compose.js";

export function results(store: ResultStore, clock: Clock): Middleware {
  return async function results(task, next) {
    const outcome = await next();
    try {
      await stored(outcome);
      return outcome;
    } catch (error) {
      // JSON refuses it: a circle, or a type that the output's schema leaves open.
      if (outcome.kind !== "done" || !(error instanceof TypeError)) throw error;
      const issues = [{ path: "", message: `it cannot be written as JSON: ${error.message}` }];
      const unfit = new InvalidOutputError(task.actor.name, issues);
      const dead: Dead = {
        kind: "dead",
        reason: "invalid-output",
        error: toRemoteError(unfit, { stack: true }),
        attempts: task.message.attempt,
      };
      await stored(dead);
      return dead;
    }

    async function stored(ended: Outcome): Promise<void> {
      // A message in other hands is answered by those.
      if (task.abortReason instanceof LeaseLostError) return;
      const tell = (error: Error) => task.log.warn({ err: error }, "the result cannot be stored yet; trying again");
      await whileUnavailable(clock, task, () => keep(store, task, ended), tell);
    }
  };
}

async function keep(store: ResultStore, task: RunningTask, outcome: Outcome): Promise<void> {
  const { id, reply } = task.envelope;
  const ttl = task.actor.options.resultTtl;
  switch (outcome.kind) {
    case "done":
      return store.put(id, success(outcome.output, task.actor.output?.tagged === true), ttl, reply);
    case "dead":
      return store.put(id, failure(outcome), ttl, reply);
    case "retry": {
      const { name, message } = outcome.error;
      const state = { state: "retrying", attempt: task.message.attempt, error: { name, message } } as const;
      // Kept until after the next attempt has had its time.
      return store.note(id, state, outcome.delay + ttl, reply);
    }
    case "release":
      return;
  }
}

function success(output: unknown, tagged: boolean): StoredResult {
  return tagged ? { ok: true, output: toTagged(output), encoding: TAGGED } : { ok: true, output };
}

/** A failure as its caller learns it: the error's name and message; its stack stays in the dead letter. */
export function failure({ reason, error: { name, message }, attempts }: Dead): StoredResult {
  return { ok: false, reason, error: { name, message }, attempts };
}
