/** Single messages, named by their actor and id: ends one, and tells how one stands. */
import type { Actor } from "../actor.js";
import type { Cancellation } from "../client/cancel.js";
import { createActorClient } from "../client/client.js";
import type { MessageStatus } from "../client/status.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import { stateOf, type OperatorContext } from "./context.js";
import { findActor } from "./sending.js";

/** A message that is named. */
interface Named {
  readonly id: string;
  readonly actor: string;
}

/** What came of cancelling a message. */
export interface CancelledMessage extends Named {
  readonly cancellation: Cancellation;
}

/** Cancels a message as its sender would: none that waits is begun, and who runs it is told. */
export async function cancel(context: OperatorContext, name: string, id: string): Promise<CancelledMessage> {
  const actor = findActor(context, name);
  stateOf(context.broker, "no message can be cancelled without one");
  return { id, actor: name, cancellation: await createActorClient(context.broker, actor).handle(id).cancel() };
}

/** How a message of a tracked actor stands, as far as it was recorded. */
export async function statusOf(context: OperatorContext, name: string, id: string): Promise<Named & MessageStatus> {
  const actor = findActor(context, name);
  if (!isTracked(actor)) {
    throw new InvalidOptionError(
      `${name} is not tracked, so nothing is recorded of its messages: its contract would say \`track: true\`.`,
    );
  }
  stateOf(context.broker, "how messages stand is recorded nowhere else");
  return { id, actor: name, ...(await createActorClient(context.broker, actor).handle(id).status()) };
}

function isTracked(actor: Actor): actor is Actor<{ input: unknown; tracked: true }> {
  return actor.tracked;
}
