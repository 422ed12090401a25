/** Turns what a handler throws into an outcome: another attempt after a growing wait, or the dead letters. */
import { defaults } from "../../vocabulary/defaults.js";
import type { ResolvedOptions } from "../../vocabulary/options.js";
import { parseDuration } from "../../vocabulary/duration.js";
import {
  CancelledError,
  DoNotRetry,
  InvalidOutputError,
  LeaseLostError,
  NotImplementedError,
  RateLimitedError,
  RetryLater,
  ShutdownError,
  SlotLostError,
  toRemoteError,
} from "../../vocabulary/errors.js";
import { orElse } from "../../support/maybe.js";
import { belongsTo } from "../lineage.js";
import type { Dead, Outcome } from "../outcome.js";
import type { MiddlewareTask } from "../task.js";
import type { Middleware } from "./compose.js";
import type { LayerContext } from "./stack.js";

/** What decisions on retries are made with. */
type RetryContext = Pick<LayerContext, "random">;

export function retries(context: RetryContext): Middleware {
  return function retries(task, next) {
    return orElse(next, (thrown) => afterFailure(task, thrown, context));
  };
}

/** What follows when an attempt threw. */
export function afterFailure(task: MiddlewareTask, thrown: unknown, { random }: RetryContext): Outcome {
  // A handler that was told to stop has not failed, whatever it throws on its way out.
  const { abortReason } = task;
  if (abortReason instanceof CancelledError) return { kind: "cancelled" };
  if (isToldToStop(abortReason)) return { kind: "release" };
  const { attempt } = task.message;
  const error = toRemoteError(thrown, { stack: true });
  if (thrown instanceof RateLimitedError) {
    return { kind: "postpone", delay: thrown.retryIn, error, changes: { turn: undefined } };
  }
  const final = finalReason(task, thrown);
  if (final !== undefined) return { kind: "dead", ...final, error, attempts: attempt };
  if (!mayRetry(task, thrown)) return { kind: "dead", reason: "retries-exhausted", error, attempts: attempt };
  const asked = thrown instanceof RetryLater ? parseDuration(thrown.delay) : undefined;
  if (asked !== undefined) return { kind: "retry", delay: asked, error, foreseen: true };
  return { kind: "retry", delay: backoff(task.options, attempt, random), error };
}

/** Whether an attempt was ended from outside, and its message is to be given back. */
function isToldToStop(reason: Error | undefined): boolean {
  return reason instanceof ShutdownError || reason instanceof LeaseLostError || reason instanceof SlotLostError;
}

/** Why no attempt may follow, however many are left. */
function finalReason({ actor }: MiddlewareTask, thrown: unknown): Pick<Dead, "reason" | "foreseen"> | undefined {
  if (thrown instanceof InvalidOutputError) return { reason: "invalid-output" };
  if (thrown instanceof DoNotRetry || thrown instanceof NotImplementedError) return { reason: "do-not-retry" };
  return belongsTo(thrown, actor.throws) ? { reason: "do-not-retry", foreseen: true } : undefined;
}

/** Whether another attempt follows: as far as there are any left, and the contract's own function wants it. */
function mayRetry(task: MiddlewareTask, thrown: unknown): boolean {
  const { attempt } = task.message;
  const { maxRetries } = task.options;
  const { name, retryWhen } = task.actor;
  if (retryWhen === undefined || attempt > maxRetries) return attempt <= maxRetries;
  try {
    const answer: unknown = retryWhen(thrown, attempt);
    if (typeof answer === "boolean") return answer;
    throw new TypeError(`${name}: "retryWhen" must return true or false; it returned ${typeof answer}`);
  } catch (error) {
    task.log.error({ err: error }, '"retryWhen" failed: maxRetries alone decides');
    return attempt <= (Number.isFinite(maxRetries) ? maxRetries : defaults.actor.maxRetries);
  }
}

/**
 * The wait after a failed attempt, in milliseconds: `minBackoff` doubled with each attempt, at most `maxBackoff`; with
 * jitter, between half of it and all of it ("equal jitter": M. Brooker, "Exponential Backoff And Jitter", AWS
 * Architecture Blog, 2015).
 */
export function backoff(
  { minBackoff, maxBackoff, jitter }: Pick<ResolvedOptions, "minBackoff" | "maxBackoff" | "jitter">,
  attempt: number,
  random: () => number,
): number {
  // 2^52 ms is longer than any backoff; more would only overflow.
  const ceiling = Math.min(maxBackoff, minBackoff * 2 ** Math.min(attempt - 1, 52));
  return Math.round(jitter ? ceiling / 2 + (random() * ceiling) / 2 : ceiling);
}
