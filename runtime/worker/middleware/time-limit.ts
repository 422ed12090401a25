/** Ends an attempt that runs longer than its actor's `timeLimit`. */
import type { Clock } from "../../clock.js";
import { TimeLimitError } from "../../errors.js";
import type { Outcome } from "../outcome.js";
import type { Middleware } from "./compose.js";

/**
 * Aborts `task.signal` and fails the attempt when the time is over. JavaScript cannot be stopped from outside: a
 * handler that ignores the signal goes on in the background, but its message no longer waits for it.
 */
export function timeLimit(clock: Clock): Middleware {
  return function timeLimit(task, next) {
    const limit = task.actor.options.timeLimit;
    return new Promise<Outcome>((resolve, reject) => {
      const cancel = clock.after(limit, () => {
        const error = new TimeLimitError(task.actor.name, limit);
        task.abort(error);
        reject(error);
      });
      next().then(
        (outcome) => {
          cancel();
          resolve(outcome);
        },
        (error: unknown) => {
          cancel();
          reject(error as Error);
        },
      );
    });
  };
}
