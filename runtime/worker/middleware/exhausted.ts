/** Tells the actor that a contract names as `onRetryExhausted` of a message whose retries are exhausted, before that is dead. */
import { actorOfContract, type Actor } from "../../actor.js";
import type { Publication } from "../../seams/broker.js";
import type { ExhaustedMessage } from "../../vocabulary/contract.js";
import { encodeEnvelope } from "../../wire/envelope.js";
import {
  CancelledError,
  InvalidInputError,
  InvalidOptionError,
  LeaseLostError,
  ShutdownError,
} from "../../vocabulary/errors.js";
import { derivedId } from "../../wire/id.js";
import { assertSize, encodeInput } from "../../wire/input.js";
import { andThen } from "../../support/maybe.js";
import { createPartitioner, type Partitioner } from "../../sending/partitioner.js";
import { readValue } from "../../wire/wire-value.js";
import type { Dead, Outcome } from "../outcome.js";
import { whileUnavailable } from "../patience.js";
import type { MiddlewareTask } from "../task.js";
import type { Middleware } from "./compose.js";
import type { LayerContext } from "./stack.js";

/** The layer of an actor whose contract names one; the others have none. */
export function exhausted(actor: Actor, context: LayerContext): Middleware | undefined {
  const tell = exhaustedTeller(actor, context);
  return tell && ((task, next) => andThen(next(), (outcome) => tell(task, outcome)));
}

/** Sees to it that an outcome is told where it has to be; what it returns is how the attempt ends. */
export type ExhaustedTeller = (task: MiddlewareTask, outcome: Outcome) => Outcome | Promise<Outcome>;

/** The same for an outcome that is there already. Throws where the contract that is named is no actor's. */
export function exhaustedTeller(actor: Actor, context: LayerContext): ExhaustedTeller | undefined {
  if (actor.onRetryExhausted === undefined) return undefined;
  const target = actorOfContract(actor.onRetryExhausted);
  if (target === undefined) {
    throw new InvalidOptionError(
      `${actor.name}: its "onRetryExhausted" names a contract that has no actor here. ` +
        'Export that from a file of the contracts folder and run "callboard gen".',
    );
  }
  const partition = createPartitioner(target);
  return (task, outcome) => {
    const isMeant = outcome.kind === "dead" && outcome.reason === "retries-exhausted";
    if (!isMeant || task.abortReason instanceof CancelledError) return outcome;
    return told({ target, partition }, task, outcome, context);
  };
}

/** Whom a message goes to. */
interface Recipient {
  readonly target: Actor;
  readonly partition: Partitioner;
}

async function told(to: Recipient, task: MiddlewareTask, outcome: Dead, context: LayerContext): Promise<Outcome> {
  const { broker, clock } = context;
  const tell = (error: Error) =>
    task.log.warn({ err: error, target: to.target.name }, "exhausted retries cannot be told yet; trying again");
  const send = async () => broker.publish([await prepare(to, task, outcome, context)]);
  try {
    await whileUnavailable(clock, task, send, tell);
  } catch (error) {
    const { abortReason } = task;
    // Given up in an outage: whoever has the message next tells it.
    if (abortReason instanceof ShutdownError || abortReason instanceof LeaseLostError) return { kind: "release" };
    task.log.error({ err: error, target: to.target.name }, "exhausted retries cannot be told");
  }
  return outcome;
}

/** The message to the actor that is told, as a client would send it. Its id is the same each time. */
async function prepare(
  { target, partition }: Recipient,
  task: MiddlewareTask,
  { error, attempts }: Dead,
  { broker, clock, seal }: LayerContext,
): Promise<Publication> {
  const { actor, envelope, queue } = task;
  const { name, message } = error;
  const input: ExhaustedMessage = {
    id: envelope.id,
    actor: actor.name,
    queue,
    attempts,
    sentAt: envelope.at,
    input: inputOf(task, seal),
    error: { name, message },
  };
  const checked = await target.input.check(input);
  if (!checked.ok) throw new InvalidInputError(target.name, checked.issues);
  const id = derivedId(envelope.id, "onRetryExhausted");
  const owner = { id, actor: target.name, v: target.fingerprint };
  const { maxAge, priority } = target.options;
  // It follows from that message: it is in its trace, and works for the same tenant.
  const headers = Object.keys(envelope.headers).length === 0 ? undefined : envelope.headers;
  const body = encodeEnvelope({
    ...owner,
    ...encodeInput(owner, input, { tagged: target.input.tagged, seal }),
    at: clock.now(),
    headers,
    expires: maxAge === undefined ? undefined : (await broker.now()) + maxAge,
  });
  assertSize(target.name, body);
  return { id, queue: partition(input), priority, delay: 0, body };
}

/** What was sent, as its sender gave it. */
function inputOf({ actor, envelope }: MiddlewareTask, seal: LayerContext["seal"]): unknown {
  const { id, v, encoding, input } = envelope;
  return readValue(input, encoding, { kind: "input", id, actor: actor.name, v }, seal);
}
