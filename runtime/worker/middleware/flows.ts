/** Runs the steps of pipelines and groups: asks whether each may run, records its end, and hands out what follows. */
import { FlowStep } from "../flow-step.js";
import type { Middleware } from "./compose.js";
import type { LayerContext } from "./stack.js";

export function flows(context: LayerContext): Middleware {
  return function flows(task, next) {
    const { flow } = task.envelope;
    return flow === undefined ? next() : new FlowStep(context, flow, task).attempt(task, next);
  };
}
