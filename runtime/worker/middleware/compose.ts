/** Middleware as an onion: each wraps what comes after it. */
import type { Outcome } from "../outcome.js";
import type { RunningTask } from "../task.js";

/** Wraps an attempt: does something before and after `next()`, or instead of it, and returns how the attempt ended. */
export type Middleware = (task: RunningTask, next: () => Promise<Outcome>) => Promise<Outcome>;

/** One middleware out of many, the first outermost. */
export function compose(layers: readonly Middleware[]): Middleware {
  return (task, innermost) => {
    const enter = (index: number): Promise<Outcome> => {
      const layer = layers[index];
      return layer === undefined ? innermost() : layer(task, () => enter(index + 1));
    };
    return enter(0);
  };
}
