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
  UnsealableError,
  type DeadReason,
  type Issue,
} from "../errors.js";
import { createId } from "../id.js";
import { andThen, orElse, settled, type MaybePromise } from "../maybe.js";
import type { ResultStore } from "../results.js";
import type { Seal } from "../seal.js";
import { readValue } from "../wire-value.js";
import type { AnyHandler } from "./handler.js";
import type { Logger } from "./logger.js";
import { compose, type Attempting, type Middleware } from "./middleware/compose.js";
import { failure, results, retrying } from "./middleware/results.js";
import { afterFailure, retries } from "./middleware/retries.js";
import { timeLimit } from "./middleware/time-limit.js";
import type { Dead, Ending, Outcome, Retry } from "./outcome.js";
import { RunningTask } from "./task.js";
import { unknownActor } from "./unknown.js";

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
  /** How long a message for an unknown actor is put back before it is dead, in milliseconds. */
  readonly unknownActorGrace: number;
  readonly logger: Logger;
  readonly seal?: Seal | undefined;
}

/** How a message was attempted: what is known of it, and how it ended. */
export interface Attempt {
  /** Absent where the bytes were no envelope. */
  readonly envelope: Envelope | undefined;
  readonly outcome: Ending;
}

/** An actor and an attempt at one of its tasks: its handler with the middleware around it. */
interface Line {
  readonly actor: Actor;
  readonly attempt: Attempting;
}

/** The built-in middleware of an actor, the outermost first. What it does not use is not there. */
function layers(actor: Actor, { results: store, clock, random, seal }: DispatchContext): readonly Middleware[] {
  const around = [retries(random), timeLimit(clock, actor.options.timeLimit)];
  return actor.output === undefined ? around : [results({ store, clock, seal }), ...around];
}

/** Handles messages. `attempt` never rejects. */
export class Dispatch {
  readonly #context: DispatchContext;
  readonly #lines = new Map<string, Line>();

  constructor(context: DispatchContext) {
    this.#context = context;
    for (const { actor, handler } of context.serving) {
      const attempt = compose(layers(actor, context), (task) => work(task, handler, context.seal));
      this.#lines.set(actor.name, { actor, attempt });
    }
  }

  /** Decodes, validates and handles a message. `work` learns of the task, so that it can be aborted. */
  attempt(delivery: Delivery, work: { task: RunningTask | undefined }): MaybePromise<Attempt> {
    let envelope: Envelope;
    try {
      envelope = decodeEnvelope(delivery.body);
    } catch (error) {
      return this.#ended(delivery, undefined, dead("undecodable", error, 0));
    }
    const line = this.#lines.get(envelope.actor);
    if (line === undefined) return this.#unknown(delivery, envelope);

    const task = new RunningTask(line.actor, envelope, delivery.queue, this.#context.logger);
    work.task = task;
    const outcome = orElse(
      () => line.attempt(task),
      // A middleware failed, not the handler. Nothing is swallowed: it counts as a failed attempt.
      (error) => afterFailure(task, error, this.#context.random),
    );
    return andThen(outcome, (known) => this.#ended(delivery, envelope, known));
  }

  /** A message for an actor that this worker does not know: whoever waits for it is told. */
  async #unknown(delivery: Delivery, envelope: Envelope): Promise<Attempt> {
    const { results: store, logger, unknownActorGrace } = this.#context;
    const { id, actor, attempt, reply } = envelope;
    const outcome = unknownActor(envelope, delivery.queue, unknownActorGrace);
    const ttl = defaults.actor.resultTtl;
    const told =
      outcome.kind === "dead"
        ? store.put(id, failure(outcome), ttl, reply)
        : store.note(id, retrying(outcome, attempt), outcome.delay + ttl, reply);
    await told.catch((error: unknown) => {
      logger.warn({ err: error, id }, "the caller of an unknown actor could not be told");
    });
    if (outcome.kind === "postpone" && envelope.misses === 0) {
      logger.warn(
        { actor, id, queue: delivery.queue },
        "no such actor here: the message is put back for another worker",
      );
    }
    return this.#ended(delivery, envelope, outcome);
  }

  #ended(delivery: Delivery, envelope: Envelope | undefined, outcome: Ending): Attempt {
    if (outcome.kind === "retry" || outcome.kind === "dead") this.#log(delivery, envelope, outcome);
    return { envelope, outcome };
  }

  #log(delivery: Delivery, envelope: Envelope | undefined, outcome: Retry | Dead): void {
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
function work(task: RunningTask, handler: AnyHandler, seal: Seal | undefined): MaybePromise<Outcome> {
  const { actor, envelope } = task;
  if (envelope.crashes > defaults.broker.maxCrashes) {
    const times = `${envelope.crashes} workers died or lost their lease while they held this message`;
    return dead("crash-loop", new Error(times), task.message.attempt);
  }
  const input = orElse<Input>(() => readInput(actor, envelope, seal), unreadable);
  return andThen(input, (read) =>
    read.ok ? andThen(settled(handler(read.value as never, task)), done) : read.outcome,
  );

  function done(returned: unknown): MaybePromise<Outcome> {
    if (actor.output === undefined) return DONE;
    // The answer is stored as it was returned: the caller's side applies transforms.
    return andThen(actor.output.check(returned), (checked) => {
      if (!checked.ok) throw new InvalidOutputError(actor.name, checked.issues);
      return { kind: "done", output: returned };
    });
  }
}

/** How every attempt ends whose actor answers nothing. */
const DONE: Outcome = { kind: "done", output: undefined };

/** The handler's input, or how the attempt ends without it. */
type Input = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly outcome: Dead };

function readInput(actor: Actor, envelope: Envelope, seal: Seal | undefined): MaybePromise<Input> {
  const { id, v, encoding, input } = envelope;
  const plain = encoding === undefined && seal === undefined;
  const value = plain ? input : readValue(input, encoding, { kind: "input", id, actor: actor.name, v }, seal);
  return andThen(actor.input.check(value), (known) => (known.ok ? known : unfit(actor, envelope, known.issues)));
}

function unfit(actor: Actor, envelope: Envelope, issues: readonly Issue[]): Input {
  const other = envelope.v !== actor.fingerprint;
  const hint = other ? ` (sent with contract ${envelope.v}, this worker has ${actor.fingerprint})` : "";
  return unreadable(new InvalidInputError(actor.name, issues, hint));
}

/** The input does not fit, its schema threw, its tags are malformed, or its seal does not open: nothing here can read it. */
function unreadable(error: unknown): Input {
  return { ok: false, outcome: dead(reasonOf(error), error, 0) };
}

function reasonOf(error: unknown): DeadReason {
  if (error instanceof UnsealableError) return "unsealable";
  return error instanceof UndecodableError ? "undecodable" : "invalid-input";
}

function dead(reason: DeadReason, error: unknown, attempts: number): Dead {
  return { kind: "dead", reason, error: toRemoteError(error, { stack: true }), attempts };
}

/** Tells the broker how an attempt ended. */
export function settle(delivery: Delivery, { envelope, outcome }: Attempt): Promise<void> {
  const { queue, priority, body } = delivery;
  switch (outcome.kind) {
    case "done":
      return delivery.ack();
    case "release":
      return delivery.release();
    case "postpone": {
      const { id = createId(), misses = 0 } = envelope ?? {};
      const next = reissue(body, { misses: misses + 1 });
      return delivery.retry({ id, queue, priority, delay: outcome.delay, body: next });
    }
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
