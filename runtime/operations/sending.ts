/** Sends one message to an actor that is named by a text. */
import type { Actor } from "../actor.js";
import { createActorClient, type SendOptions } from "../client/client.js";
import type { SentMessage } from "../client/message.js";
import type { Duration } from "../vocabulary/duration.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import { fromTagged, toTagged } from "../vocabulary/tagged.js";
import { stateOf, unknownName, type OperatorContext } from "./context.js";

/** The actor of a name. Refuses one that no contract has, with the nearest. */
export function findActor({ actors }: OperatorContext, name: string): Actor {
  const found = actors.find((actor) => actor.name === name);
  if (found !== undefined) return found;
  throw unknownName(
    "actor",
    name,
    actors.map((actor) => actor.name),
  );
}

/** The same, of which messages can be sent: those of a tracked one need a place where it is recorded how they stand. */
function sendableActor(context: OperatorContext, name: string): Actor {
  const actor = findActor(context, name);
  if (actor.tracked) stateOf(context.broker, "how messages of this actor stand is recorded there");
  return actor;
}

/** Sends a message, as the generated client would. Types that JSON lacks are written as they travel: `{"$date":"…"}`. */
export async function send(
  context: OperatorContext,
  name: string,
  input: unknown,
  options: SendOptions = {},
): Promise<Pick<SentMessage, "id" | "actor" | "queue">> {
  const actor = sendableActor(context, name);
  const { id, queue } = await createActorClient(context.broker, actor).send(inputOf(actor, input), options);
  return { id, actor: name, queue };
}

/** Sends a message and waits for its answer, which comes as it would travel. */
export async function call(
  context: OperatorContext,
  name: string,
  input: unknown,
  { timeout, ...options }: SendOptions & { readonly timeout?: Duration } = {},
): Promise<unknown> {
  const actor = sendableActor(context, name);
  if (!answers(actor)) {
    throw new InvalidOptionError(`${name} answers nothing: its contract has no output to wait for.`);
  }
  const asked = timeout === undefined ? options : { ...options, timeout };
  const output = await createActorClient(context.broker, actor).call(inputOf(actor, input), asked);
  return actor.output?.tagged === true ? toTagged(output) : output;
}

function answers(actor: Actor): actor is Actor<{ input: unknown; output: unknown }> {
  return actor.output !== undefined;
}

function inputOf(actor: Actor, input: unknown): unknown {
  return actor.input.tagged ? fromTagged(input) : input;
}
