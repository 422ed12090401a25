/** Makes an outcome of what any layer within throws. Only those who watch, metrics and traces, stand outside of it. */
import { orElse, type MaybePromise } from "../../support/maybe.js";
import type { Outcome } from "../outcome.js";
import type { RunningTask } from "../task.js";
import type { Next } from "./compose.js";

export function rescue(broken: (task: RunningTask, error: unknown) => MaybePromise<Outcome>) {
  return function rescue(task: RunningTask, next: Next): MaybePromise<Outcome> {
    return orElse(next, (error) => broken(task, error));
  };
}
