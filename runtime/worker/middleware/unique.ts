/** Frees the keys that a message has claimed at its end, and ends one quietly whose place another has taken. */
import type { Actor } from "../../actor.js";
import type { ClaimNote, Claims } from "../../seams/claims.js";
import { claimsOf } from "../../seams/claims.js";
import { LeaseLostError } from "../../vocabulary/errors.js";
import type { Outcome } from "../outcome.js";
import { whileUnavailable } from "../patience.js";
import type { MiddlewareTask } from "../task.js";
import type { Middleware, Next } from "./compose.js";
import { failure } from "./results.js";
import type { LayerContext } from "./stack.js";

/** Absent where no message can claim anything. Throws where this actor's have to. */
export function unique(actor: Actor, context: LayerContext): Middleware | undefined {
  const { broker } = context;
  const claims = actor.unique === undefined ? broker.claims : claimsOf(broker, `${actor.name}: "unique"`);
  if (claims === undefined) return undefined;
  return function unique(task, next) {
    const note = task.envelope.unique;
    return note === undefined ? next() : attempt(context, claims, note, task, next);
  };
}

async function attempt(
  context: LayerContext,
  claims: Claims,
  { frees, replaceable, sending }: ClaimNote,
  task: MiddlewareTask,
  next: Next,
): Promise<Outcome> {
  const { id, queue } = task.message;
  const tell = (error: Error) => task.log.warn({ err: error }, "its claims cannot be seen to yet; trying again");
  const patiently = <T>(step: () => Promise<T>) => whileUnavailable(context.clock, task, step, tell);
  if (sending !== undefined && (await patiently(async () => claims.meet?.(queue, id, sending))) === false) {
    task.log.debug({}, "sent twice, as its first sender died: the other sending counts");
    return { kind: "taken" };
  }
  if (replaceable && (await patiently(() => claims.replaced(queue, id)))) {
    if (task.actor.output !== undefined) await patiently(() => tellReplaced(context, task));
    task.log.debug({}, "replaced by a newer message with its key");
    return { kind: "taken" };
  }
  const outcome = await next();
  const over = ["done", "dead", "cancelled"].includes(outcome.kind);
  // A message in other hands is seen to by those.
  if (over && frees.length > 0 && !(task.abortReason instanceof LeaseLostError)) {
    await patiently(() => claims.free(queue, id, frees));
  }
  return outcome;
}

/** Whoever waits for the answer learns that there will be none. */
function tellReplaced({ broker }: LayerContext, { envelope, options }: MiddlewareTask): Promise<void> {
  const error = { name: "ReplacedError", message: "a newer message with the same key took its place" };
  const result = failure({ reason: "replaced", error, attempts: 0 });
  return broker.results.put(envelope.id, result, options.resultTtl, envelope.reply);
}
