/** The path of one message through a worker, from its bytes to what the broker is told. The one place that settles. */
import type { Actor } from "../actor.js";
import type { Delivery } from "../broker.js";
import type { Clock } from "../clock.js";
import { defaults } from "../defaults.js";
import { decodeEnvelope, reissue, type Envelope } from "../envelope.js";
import {
  InvalidInputError,
  InvalidOutputError,
  toRemoteError,
  UndecodableError,
  UnknownActorError,
  type DeadReason,
} from "../errors.js";
import { createId } from "../id.js";
import type { ResultStore } from "../results.js";
import type { Checked } from "../schema.js";
import { fromTagged, TAGGED } from "../tagged.js";
import type { AnyHandler } from "./handler.js";
import type { Logger } from "./logger.js";
import { compose, type Middleware } from "./middleware/compose.js";
import { failure, results } from "./middleware/results.js";
import { afterFailure, retries } from "./middleware/retries.js";
import { timeLimit } from "./middleware/time-limit.js";
import type { Dead, Outcome } from "./outcome.js";
import { whileUnavailable, type Holder } from "./patience.js";
import { RunningTask } from "./task.js";

/** An actor and who does its work. */
export interface Serving {
  readonly actor: Actor;
  readonly handler: AnyHandler;
}

/** What dispatch works with. */
export interface DispatchContext {
  readonly serving: readonly Serving[];
  readonly results: ResultStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** How a message was attempted: what is known of it, and how it ended. */
export interface Attempt {
  /** Absent where the bytes were no envelope. */
  readonly envelope?: Envelope;
  readonly outcome: Outcome;
}

/** An actor with its handler and the middleware around it. */
interface Line extends Serving {
  readonly onion: Middleware;
}

/** The built-in middleware of an actor, the outermost first. What it does not use is not there. */
function layers(actor: Actor, { results: store, clock, random }: DispatchContext): readonly Middleware[] {
  const around = [retries(random), timeLimit(clock, actor.options.timeLimit)];
  return actor.output === undefined ? around : [results(store, clock), ...around];
}

/** Handles messages. `attempt` never rejects; `settle` rejects when the broker refused. */
export class Dispatch {
  readonly #context: DispatchContext;
  readonly #lines = new Map<string, Line>();

  constructor(context: DispatchContext) {
    this.#context = context;
    for (const { actor, handler } of context.serving) {
      this.#lines.set(actor.name, { actor, handler, onion: compose(layers(actor, context)) });
    }
  }

  /** Decodes, validates and handles a message. `began` learns of the task, so that it can be aborted. */
  async attempt(delivery: Delivery, began: (task: RunningTask) => void): Promise<Attempt> {
    let envelope: Envelope;
    try {
      envelope = decodeEnvelope(delivery.body);
    } catch (error) {
      return { outcome: dead("undecodable", error, 0) };
    }
    const line = this.#lines.get(envelope.actor);
    if (line === undefined) return { envelope, outcome: await this.#unknown(envelope, delivery.queue) };

    const task = new RunningTask(line.actor, envelope, delivery.queue, this.#context.logger);
    began(task);
    try {
      return { envelope, outcome: await line.onion(task, () => work(task, line.handler)) };
    } catch (error) {
      // A middleware failed, not the handler. Nothing is swallowed: it counts as a failed attempt.
      return { envelope, outcome: afterFailure(task, error, this.#context.random) };
    }
  }

  /** Tells the broker how the attempt ended, and goes on telling it through an outage. */
  async settle(delivery: Delivery, attempt: Attempt, holder: Holder): Promise<void> {
    this.#log(delivery, attempt);
    const { clock, logger } = this.#context;
    await whileUnavailable(
      clock,
      holder,
      () => settle(delivery, attempt),
      (error) => logger.warn({ queue: delivery.queue, err: error }, "the outcome cannot be settled yet; trying again"),
    );
  }

  /** A message for an actor that this worker does not know: dead, and whoever waits for it is told. */
  async #unknown(envelope: Envelope, queue: string): Promise<Outcome> {
    const outcome = dead("unknown-actor", new UnknownActorError(envelope.actor, queue), 0);
    const ttl = defaults.actor.resultTtl;
    await this.#context.results.put(envelope.id, failure(outcome), ttl, envelope.reply).catch((error: unknown) => {
      this.#context.logger.warn({ err: error, id: envelope.id }, "the caller of an unknown actor could not be told");
    });
    return outcome;
  }

  #log(delivery: Delivery, { envelope, outcome }: Attempt): void {
    if (outcome.kind !== "retry" && outcome.kind !== "dead") return;
    const fields = {
      actor: envelope?.actor,
      id: envelope?.id,
      queue: delivery.queue,
      attempt: envelope?.attempt,
      error: `${outcome.error.name}: ${outcome.error.message}`,
      stack: outcome.error.stack,
    };
    const { logger } = this.#context;
    if (outcome.kind === "retry") logger.warn({ ...fields, retryIn: outcome.delay }, "attempt failed, to be retried");
    else logger.error({ ...fields, reason: outcome.reason }, "message is dead");
  }
}

/** The innermost step: what remains to be checked, and the handler itself. */
async function work(task: RunningTask, handler: AnyHandler): Promise<Outcome> {
  const { actor, envelope } = task;
  if (envelope.crashes > defaults.broker.maxCrashes) {
    const times = `${envelope.crashes} workers died or lost their lease while they held this message`;
    return dead("crash-loop", new Error(times), task.message.attempt);
  }
  let input: unknown;
  try {
    input = await readInput(actor, envelope);
  } catch (error) {
    // The schema threw, or the tags are malformed: this input will never be readable.
    const reason = error instanceof UndecodableError ? "undecodable" : "invalid-input";
    return dead(reason, error, 0);
  }
  const returned: unknown = await handler(input as never, task);
  return { kind: "done", output: await checkOutput(actor, returned) };
}

function readInput(actor: Actor, envelope: Envelope): unknown {
  const { encoding } = envelope;
  if (encoding !== undefined && encoding !== TAGGED) {
    throw new UndecodableError(`the input is encoded as "${encoding}", which this worker cannot read`);
  }
  const checked = actor.input.check(encoding === TAGGED ? fromTagged(envelope.input) : envelope.input);
  return checked instanceof Promise
    ? checked.then((late) => fit(actor, envelope, late))
    : fit(actor, envelope, checked);
}

function fit(actor: Actor, envelope: Envelope, checked: Checked): unknown {
  if (checked.ok) return checked.value;
  const other = envelope.v !== actor.fingerprint;
  const hint = other ? ` (sent with contract ${envelope.v}, this worker has ${actor.fingerprint})` : "";
  throw new InvalidInputError(actor.name, checked.issues, hint);
}

/** The handler's answer, once it is known to fit. It is stored as it was returned: the caller's side applies transforms. */
async function checkOutput(actor: Actor, returned: unknown): Promise<unknown> {
  if (actor.output === undefined) return undefined;
  const check = actor.output.check(returned);
  const checked = check instanceof Promise ? await check : check;
  if (!checked.ok) throw new InvalidOutputError(actor.name, checked.issues);
  return returned;
}

function dead(reason: DeadReason, error: unknown, attempts: number): Dead {
  return { kind: "dead", reason, error: toRemoteError(error, { stack: true }), attempts };
}

function settle(delivery: Delivery, { envelope, outcome }: Attempt): Promise<void> {
  const { queue, priority, body } = delivery;
  switch (outcome.kind) {
    case "done":
      return delivery.ack();
    case "release":
      return delivery.release();
    case "retry": {
      const id = envelope?.id ?? createId();
      const next = reissue(body, { attempt: (envelope?.attempt ?? 1) + 1, crashes: undefined });
      return delivery.retry({ id, queue, priority, delay: outcome.delay, body: next });
    }
    case "dead": {
      const { reason, error, attempts } = outcome;
      const id = envelope?.id ?? createId();
      const { actor, at: sentAt } = envelope ?? {};
      return delivery.reject({ id, actor, queue, priority, reason, error, attempts, sentAt, body });
    }
  }
}
