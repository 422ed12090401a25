/** Frees the keys that a message has claimed at its end, and ends one quietly whose place another has taken. */
import type { Actor } from "../../actor.js";
import { claimsOf, type ClaimNote, type Claims, type Meeting } from "../../seams/claims.js";
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
  note: ClaimNote,
  task: MiddlewareTask,
  next: Next,
): Promise<Outcome> {
  const { id, queue } = task.message;
  const tell = (error: Error) => task.log.warn({ err: error }, "its claims cannot be seen to yet; trying again");
  const patiently = <T>(step: () => Promise<T>) => whileUnavailable(context.clock, task, step, tell);
  const meeting = await patiently(() => meet(claims, note, task));
  if (meeting === "copy") {
    task.log.debug({}, "sent twice, as its first sender died: the other sending counts");
    return { kind: "taken" };
  }
  if (meeting === "replaced") {
    if (task.actor.output !== undefined) await patiently(() => tellReplaced(context, task));
    task.log.debug({}, "replaced by a newer message with its key");
    return { kind: "taken" };
  }
  const outcome = await next();
  const over = ["done", "dead", "cancelled"].includes(outcome.kind);
  // A message in other hands is seen to by those.
  if (over && note.frees.length > 0 && !(task.abortReason instanceof LeaseLostError)) {
    await patiently(() => claims.free(queue, id, note.frees));
  }
  return outcome;
}

/** What a message is to do that may have been replaced, or whose sender may have died. */
async function meet(claims: Claims, { replaceable, marked }: ClaimNote, { message }: MiddlewareTask): Promise<Meeting> {
  const { id, queue } = message;
  if (marked !== undefined && claims.meet !== undefined) return claims.meet(queue, id, marked);
  return replaceable && (await claims.replaced(queue, id)) ? "replaced" : "runs";
}

/** Whoever waits for the answer learns that there will be none. */
function tellReplaced({ broker }: LayerContext, { envelope, options }: MiddlewareTask): Promise<void> {
  const error = { name: "ReplacedError", message: "a newer message with the same key took its place" };
  const result = failure({ reason: "replaced", error, attempts: 0 });
  return broker.results.put(envelope.id, result, options.resultTtl, envelope.reply);
}
