/** Records how a message stands while it is attempted, and what its handler tells of its progress. */
import { hostname } from "node:os";
import type { Actor } from "../../actor.js";
import type { Broker } from "../../seams/broker.js";
import { isOver, trackingOf, type ControlStore, type StatusRecord } from "../../seams/controls.js";
import { defaults } from "../../vocabulary/defaults.js";
import { CancelledError, LeaseLostError } from "../../vocabulary/errors.js";
import { orElse, type MaybePromise } from "../../support/maybe.js";
import type { Outcome } from "../outcome.js";
import { Reports } from "../reports.js";
import type { MiddlewareTask, RunningTask } from "../task.js";
import type { Next } from "./compose.js";
import type { LayerContext } from "./stack.js";

/** This process, as a status names it. */
const worker = { host: hostname(), pid: process.pid };

/** Absent for an actor that is not tracked. Throws where the broker cannot. */
export function track(actor: Actor, context: LayerContext) {
  const store = trackingOf(context.broker, actor);
  if (store === undefined) return undefined;
  return async function track(task: RunningTask, next: Next): Promise<Outcome> {
    const note = noter(store, task);
    note({ state: "running", since: await now(context), attempt: task.message.attempt, worker });
    const reports = actor.progress === undefined ? undefined : follow(store, task, context);
    try {
      const outcome = await next();
      // What was told last comes before the end.
      reports?.close();
      const status = statusAfter(task, outcome, await now(context));
      if (status !== undefined) note(status, "delay" in outcome ? outcome.delay : 0);
      return outcome;
    } finally {
      reports?.close();
    }
  };
}

/** How a message ended without an attempt, or outside of it. */
type Ending = Pick<Extract<StatusRecord, { readonly state: "dead" }>, "reason" | "error">;

/** Records the end of a message that this layer does not see: those who follow it wait for that. */
export async function noteDead({ state }: Broker, id: string, { reason, error }: Ending, ttl: number): Promise<void> {
  const { name, message } = error;
  await state?.controls.track(id, { state: "dead", reason, error: { name, message } }, { ttl, tell: true });
}

/** The broker's clock; where it cannot be asked, this one is better than nothing. */
function now({ broker }: LayerContext): MaybePromise<number> {
  return orElse(
    () => broker.now(),
    () => Date.now(),
  );
}

/** Records statuses. Nobody waits for it: on one connection they keep their order, and come before what follows the end. */
function noter(store: ControlStore, task: MiddlewareTask): (status: StatusRecord, wait?: number) => void {
  const { id } = task.envelope;
  return (status, wait = 0) => {
    const ttl = isOver(status) ? task.options.resultTtl : defaults.control.keepStatus + wait;
    store
      .track(id, status, { ttl, tell: task.actor.progress !== undefined })
      .catch((error: unknown) => task.log.warn({ err: error }, "how the message stands could not be recorded"));
  };
}

function follow(store: ControlStore, task: RunningTask, { clock, seal }: LayerContext): Reports {
  const ttl = task.options.timeLimit + task.options.resultTtl;
  const reports = new Reports(task.actor, task.envelope, {
    clock,
    seal,
    tell(record) {
      // A message in other hands, or in nobody's, is spoken for by others.
      if (task.abortReason instanceof LeaseLostError || task.abortReason instanceof CancelledError) return;
      store
        .report(task.envelope.id, record, ttl)
        .catch((error: unknown) => task.log.warn({ err: error }, "the progress could not be told"));
    },
  });
  task.reportTo(reports);
  return reports;
}

/** How a message stands after an attempt; nothing where others have it, and say so. */
function statusAfter(task: MiddlewareTask, outcome: Outcome, time: number): StatusRecord | undefined {
  if (task.abortReason instanceof LeaseLostError) return undefined;
  if (task.abortReason instanceof CancelledError) return { state: "cancelled" };
  switch (outcome.kind) {
    case "done":
      return { state: "done" };
    case "cancelled":
      return { state: "cancelled" };
    case "dead": {
      const { name, message } = outcome.error;
      return { state: "dead", reason: outcome.reason, error: { name, message } };
    }
    case "retry": {
      const { name, message } = outcome.error;
      const { attempt } = task.message;
      return { state: "retrying", attempt, error: { name, message }, due: time + outcome.delay };
    }
    case "postpone":
      return { state: "waiting", due: time + outcome.delay };
    case "release":
    case "taken":
      return { state: "waiting" };
  }
}
