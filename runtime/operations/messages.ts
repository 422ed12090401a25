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
  /** Whether anything was recorded of it before; absent where nothing is, since its actor is not tracked. */
  readonly seen?: boolean;
}

/** Cancels a message as its sender would: none that waits is begun, and who runs it is told. */
export async function cancel(context: OperatorContext, name: string, id: string): Promise<CancelledMessage> {
  const actor = findActor(context, name);
  stateOf(context.broker, "no message can be cancelled without one");
  // Asked first: what is cancelled is recorded as that.
  const seen = isTracked(actor) ? { seen: await isSeen(context, actor, id) } : {};
  return { id, actor: name, cancellation: await createActorClient(context.broker, actor).handle(id).cancel(), ...seen };
}

async function isSeen({ broker }: OperatorContext, actor: TrackedActor, id: string): Promise<boolean> {
  return (await createActorClient(broker, actor).handle(id).status()).state !== "unknown";
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

type TrackedActor = Actor<{ input: unknown; tracked: true }>;

function isTracked(actor: Actor): actor is TrackedActor {
  return actor.tracked;
}
