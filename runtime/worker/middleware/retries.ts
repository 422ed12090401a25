/** Turns what a handler throws into an outcome: another attempt after a growing wait, or the dead letters. */
import type { ResolvedOptions } from "../../options.js";
import { parseDuration } from "../../duration.js";
import {
  CancelledError,
  DoNotRetry,
  InvalidOutputError,
  LeaseLostError,
  NotImplementedError,
  RetryLater,
  ShutdownError,
  toRemoteError,
  type DeadReason,
} from "../../errors.js";
import { orElse } from "../../maybe.js";
import type { Outcome } from "../outcome.js";
import type { MiddlewareTask } from "../task.js";
import type { Middleware } from "./compose.js";

export function retries(random: () => number): Middleware {
  return function retries(task, next) {
    return orElse(next, (thrown) => afterFailure(task, thrown, random));
  };
}

/** What follows when an attempt threw. */
export function afterFailure(task: MiddlewareTask, thrown: unknown, random: () => number): Outcome {
  // A handler that was told to stop has not failed, whatever it throws on its way out.
  const { abortReason } = task;
  if (abortReason instanceof CancelledError) return { kind: "cancelled" };
  if (abortReason instanceof ShutdownError || abortReason instanceof LeaseLostError) return { kind: "release" };
  const { options } = task;
  const { attempt } = task.message;
  const error = toRemoteError(thrown, { stack: true });
  const final = finalReason(thrown);
  if (final !== undefined) return { kind: "dead", reason: final, error, attempts: attempt };
  if (attempt > options.maxRetries) return { kind: "dead", reason: "retries-exhausted", error, attempts: attempt };
  const asked = thrown instanceof RetryLater ? parseDuration(thrown.delay) : undefined;
  return { kind: "retry", delay: asked ?? backoff(options, attempt, random), error };
}

function finalReason(thrown: unknown): DeadReason | undefined {
  if (thrown instanceof InvalidOutputError) return "invalid-output";
  return thrown instanceof DoNotRetry || thrown instanceof NotImplementedError ? "do-not-retry" : undefined;
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
