/** Middleware as an onion: each wraps what comes after it. */
import type { MaybePromise } from "../../maybe.js";
import type { Outcome } from "../outcome.js";
import type { RunningTask } from "../task.js";

/** An attempt at a task. It ends at once where nothing has to be waited for. */
export type Attempting = (task: RunningTask) => MaybePromise<Outcome>;

/** Wraps an attempt: does something before and after `next()`, or instead of it, and returns how the attempt ended. */
export type Middleware = (task: RunningTask, next: () => MaybePromise<Outcome>) => MaybePromise<Outcome>;

/** One attempt out of many layers, the first outermost, around what is done in the end. */
export function compose(layers: readonly Middleware[], innermost: Attempting): Attempting {
  return layers.reduceRight<Attempting>((inner, layer) => (task) => layer(task, () => inner(task)), innermost);
}
