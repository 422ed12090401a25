/** Ends messages that have waited longer than their `maxAge`: they are dead before an attempt is made. */
import { ExpiredError, toRemoteError } from "../../vocabulary/errors.js";
import { andThen, type MaybePromise } from "../../support/maybe.js";
import type { Dead } from "../outcome.js";
import { again } from "../patience.js";
import type { MiddlewareTask } from "../task.js";
import type { Middleware } from "./compose.js";
import type { LayerContext } from "./stack.js";

export function maxAge(context: LayerContext): Middleware {
  return function maxAge(task, next) {
    const { expires } = task.envelope;
    if (expires === undefined) return next();
    return andThen(brokersTime(context, task), (now) => (now < expires ? next() : expired(task, now - expires)));
  };
}

/** The broker's clock decides, also where the broker has to be waited for. */
function brokersTime({ broker, clock }: LayerContext, task: MiddlewareTask): MaybePromise<number> {
  const now = broker.now();
  if (!(now instanceof Promise)) return now;
  const tell = (error: Error) => task.log.warn({ err: error }, "the broker's clock cannot be asked yet; trying again");
  return now.catch((error: unknown) => again(clock, task, error, async () => broker.now(), tell));
}

/** Dead with the last error that is known: that of the attempt before, or that it came too late for any. */
function expired({ actor, envelope }: MiddlewareTask, late: number): Dead {
  const last = envelope.failures.at(-1);
  const error =
    last === undefined
      ? toRemoteError(new ExpiredError(actor.name, late), { stack: true })
      : { name: last.name, message: last.message };
  return { kind: "dead", reason: "expired", error, attempts: envelope.attempt - 1 };
}
