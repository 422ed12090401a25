/** Middleware as an onion: each wraps what comes after it. */
import type { MaybePromise } from "../../support/maybe.js";
import type { Outcome } from "../outcome.js";
import type { MiddlewareTask } from "../task.js";

/** Goes on with the attempt. Throws what the handler throws, where no layer within has turned that into an outcome. */
export type Next = () => MaybePromise<Outcome>;

/**
 * Wraps an attempt: does something before and after `next()`, or instead of it, and returns how the attempt ended. What
 * it throws counts as the attempt's failure.
 */
export type Middleware = (task: MiddlewareTask, next: Next) => MaybePromise<Outcome>;

/** An attempt at a task. It ends at once where nothing has to be waited for. */
export type Attempting<Task extends MiddlewareTask = MiddlewareTask> = (task: Task) => MaybePromise<Outcome>;

/** One attempt out of many layers, the first outermost, around what is done in the end. */
export function compose<Task extends MiddlewareTask>(
  layers: readonly ((task: Task, next: Next) => MaybePromise<Outcome>)[],
  innermost: Attempting<Task>,
): Attempting<Task> {
  return layers.reduceRight<Attempting<Task>>((inner, layer) => (task) => layer(task, () => inner(task)), innermost);
}
