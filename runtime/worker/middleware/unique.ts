/** Frees the keys that a message has claimed at its end, and ends one quietly whose place another has taken. */
import type { Actor } from "../../actor.js";
import { claimsOf, type Claims, type Meeting } from "../../seams/claims.js";
import { LeaseLostError } from "../../vocabulary/errors.js";
import type { ClaimNote } from "../../wire/envelope.js";
import type { Outcome } from "../outcome.js";
import { whileUnavailable } from "../patience.js";
import type { MiddlewareTask } from "../task.js";
import type { Middleware, Next } from "./compose.js";
import { failure } from "./results.js";
import type { LayerContext } from "./stack.js";
import { noteDead } from "./track.js";

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
    await patiently(() => tellReplaced(context, task));
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

/** Whoever waits for the answer or for the end learns that it will not run. */
async function tellReplaced({ broker }: LayerContext, { actor, envelope, options }: MiddlewareTask): Promise<void> {
  const { id, reply } = envelope;
  const error = { name: "ReplacedError", message: "a newer message with the same key took its place" };
  const end = { reason: "replaced", error, attempts: 0 } as const;
  if (actor.output !== undefined) await broker.results.put(id, failure(end), options.resultTtl, reply);
  if (actor.tracked) await noteDead(broker, id, end, options.resultTtl);
}
