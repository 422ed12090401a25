/** Ends the attempts at messages that are cancelled: before they begin, or by their signal while they run. */
import type { Cancellations } from "../../seams/controls.js";
import { CancelledError } from "../../vocabulary/errors.js";
import { andThen, type MaybePromise } from "../../support/maybe.js";
import type { Cancelled, Outcome } from "../outcome.js";
import { whileUnavailable } from "../patience.js";
import type { MiddlewareTask } from "../task.js";
import type { Middleware, Next } from "./compose.js";
import type { LayerContext } from "./stack.js";

/** How every attempt ends whose message was cancelled. */
const CANCELLED: Cancelled = { kind: "cancelled" };

export function control(context: LayerContext): Middleware | undefined {
  const store = context.broker.state?.controls;
  if (store === undefined) return undefined;
  return function control(task, next) {
    const cancelled = store.cancelled(task.queue);
    const is = isKnown(cancelled, task, context);
    if (is === false) return run(cancelled, task, next);
    return andThen(is, (certain) => (certain ? CANCELLED : run(cancelled, task, next)));
  };
}

/** Whether a message was cancelled, and should not have come to a worker any more. */
export function isCancelled(task: MiddlewareTask, context: LayerContext): MaybePromise<boolean> {
  const store = context.broker.state?.controls;
  return store === undefined ? false : isKnown(store.cancelled(task.queue), task, context);
}

function isKnown(cancelled: Cancellations, task: MiddlewareTask, { clock }: LayerContext): MaybePromise<boolean> {
  const { id } = task.envelope;
  const tell = (error: Error) => task.log.warn({ err: error }, "not known yet whether it is cancelled; trying again");
  // Its record may have been taken back.
  const met = () => whileUnavailable(clock, task, () => cancelled.met(id), tell);
  return andThen(cancelled.has(id), (is) => is && met());
}

function run({ running }: Cancellations, task: MiddlewareTask, next: Next): MaybePromise<Outcome> {
  const outcome = next();
  // What ended without waiting could not have been stopped.
  if (!(outcome instanceof Promise)) return outcome;
  const { id } = task.envelope;
  const attempt = { id, cancel: () => task.abort(new CancelledError(task.actor.name, id)) };
  running.add(attempt);
  return outcome.then(
    (ended) => {
      running.delete(attempt);
      // Whatever the handler made of it: it was told that nobody waits for it.
      return task.abortReason instanceof CancelledError ? CANCELLED : ended;
    },
    (error: unknown) => {
      running.delete(attempt);
      throw error;
    },
  );
}
