/** The path of one message through a worker, from its bytes to what the broker is told. The one place that settles. */
import type { Actor } from "../actor.js";
import type { Answer, Delivery } from "../seams/broker.js";
import { defaults } from "../vocabulary/defaults.js";
import { decodeEnvelope, reissue, type Envelope, type Failure } from "../wire/envelope.js";
import { InvalidOutputError, LeaseLostError, toRemoteError, type DeadReason } from "../vocabulary/errors.js";
import { createId } from "../wire/id.js";
import { andThen, settled, type MaybePromise } from "../support/maybe.js";
import type { MaybePlaced } from "../middleware.js";
import { onBehalfOf } from "./current-task.js";
import { failuresAfter } from "./failures.js";
import { FlowStep } from "./flow-step.js";
import type { AnyHandler } from "./handler.js";
import { listenersOf } from "./listener.js";
import { compose, type Attempting, type Middleware } from "./middleware/compose.js";
import { exhaustedTeller, type ExhaustedTeller } from "./middleware/exhausted.js";
import { failure, retrying } from "./middleware/results.js";
import { afterFailure } from "./middleware/retries.js";
import { noteDead } from "./middleware/track.js";
import { createStack, type LayerContext } from "./middleware/stack.js";
import type { Dead, Outcome, Retry } from "./outcome.js";
import { Strays } from "./stray.js";
import { RunningTask } from "./task.js";
import { unknownActor } from "./unknown.js";

/** An actor and who does its work. */
export interface Serving {
  readonly actor: Actor;
  readonly handler: AnyHandler;
}

/** What dispatch works with. */
export interface DispatchContext extends LayerContext {
  readonly serving: readonly Serving[];
  readonly middleware: readonly MaybePlaced<Middleware>[];
  /** How long a message for an unknown actor is put back before it is dead, in milliseconds. */
  readonly unknownActorGrace: number;
}

/** How a message was attempted: what is known of it, and how it ended. */
export interface Attempt {
  /** Absent where the bytes were no envelope. */
  readonly envelope: Envelope | undefined;
  readonly outcome: Outcome;
  /** How all attempts so far failed. */
  readonly failures: readonly Failure[];
  /** What is stored in one step with the ack. */
  readonly answer?: Answer | undefined;
}

/** An actor and an attempt at one of its tasks: its handler with the middleware around it. */
interface Line {
  readonly actor: Actor;
  readonly attempt: Attempting<RunningTask>;
  /** Present where the contract names somebody who hears of exhausted retries. */
  readonly tellExhausted: ExhaustedTeller | undefined;
}

/** Handles messages. `attempt` never rejects. */
export class Dispatch {
  readonly #context: DispatchContext;
  readonly #lines = new Map<string, Line>();
  readonly #strays: Strays;

  constructor(context: DispatchContext) {
    this.#context = context;
    const layers = createStack(context.middleware, {
      ...context,
      broken: (task, error) => this.#broken(task, error),
    });
    this.#strays = new Strays(listenersOf(context.middleware), context.actors);
    for (const { actor, handler } of context.serving) {
      const attempt = compose(layers(actor), (task) => work(task, handler));
      this.#lines.set(actor.name, { actor, attempt, tellExhausted: exhaustedTeller(actor, context) });
    }
  }

  /** Decodes, validates and handles a message. `work` learns of the task, so that it can be aborted. */
  attempt(delivery: Delivery, work: { task: RunningTask | undefined }): MaybePromise<Attempt> {
    let envelope: Envelope;
    try {
      envelope = decodeEnvelope(delivery.body);
    } catch (error) {
      const reason = "undecodable";
      this.#strays.tell({ queue: delivery.queue, reason, isNew: true, isDead: true });
      return this.#ended(delivery, undefined, dead(reason, error, 0));
    }
    const line = this.#lines.get(envelope.actor);
    if (line === undefined) return this.#unknown(delivery, envelope);

    const task = new RunningTask(line.actor, envelope, delivery, this.#context.logger);
    work.task = task;
    const ended = (outcome: Outcome) => {
      this.#passOnTurn(task, outcome);
      return this.#ended(delivery, envelope, outcome, task.answer);
    };
    const broken = async (error: unknown) => ended(await this.#broken(task, error));
    try {
      const outcome = onBehalfOf(task, line.attempt);
      return outcome instanceof Promise ? outcome.then(ended, broken) : ended(outcome);
    } catch (error) {
      return broken(error);
    }
  }

  /** A message whose turn had come, and that ended before its limits were asked, leaves its turn to the next one. */
  #passOnTurn(task: RunningTask, { kind }: Outcome): void {
    if (task.envelope.turn === undefined || task.hasEntered) return;
    // It comes back with its turn: soon, or all that wait would be called while their actor is paused.
    if (kind === "release" || kind === "postpone") return;
    // A message in other hands may be about to take its place there.
    if (task.abortReason instanceof LeaseLostError) return;
    this.#context.gates.decline(task);
  }

  /** A middleware failed, not the handler. Nothing is swallowed: it counts as a failed attempt, and who waits is told. */
  async #broken(task: RunningTask, error: unknown): Promise<Outcome> {
    const tellExhausted = this.#lines.get(task.actor.name)?.tellExhausted;
    const failed = afterFailure(task, error, this.#context);
    const outcome = tellExhausted === undefined ? failed : await tellExhausted(task, failed);
    // Whoever is told may send it again: its keys are free by then.
    if (outcome.kind === "dead") await this.#bury(task.message.queue, task.envelope, outcome);
    if (task.actor.output !== undefined) await this.#tell(task.envelope, outcome, task.options.resultTtl);
    return outcome;
  }

  /** A message for an actor that this worker does not know: whoever waits for it is told. */
  async #unknown(delivery: Delivery, envelope: Envelope): Promise<Attempt> {
    const { logger, unknownActorGrace } = this.#context;
    const outcome = unknownActor(envelope, delivery.queue, unknownActorGrace);
    const [isNew, isDead] = [envelope.misses === 0, outcome.kind === "dead"];
    this.#strays.tell({ queue: delivery.queue, reason: "unknown-actor", isNew, isDead });
    if (outcome.kind === "dead") await this.#bury(delivery.queue, envelope, outcome);
    await this.#tell(envelope, outcome, defaults.actor.resultTtl);
    if (outcome.kind === "postpone" && isNew) {
      const { actor, id } = envelope;
      logger.warn(
        { actor, id, queue: delivery.queue },
        "no such actor here: the message is put back for another worker",
      );
    }
    return this.#ended(delivery, envelope, outcome);
  }

  /** Tells whoever waits for a message how it ended where the layer that does so was not reached, or failed itself. */
  async #tell({ id, actor, attempt, reply }: Envelope, outcome: Outcome, ttl: number): Promise<void> {
    const { broker, logger } = this.#context;
    try {
      if (outcome.kind === "dead") await broker.results.put(id, failure(outcome), ttl, reply);
      if (outcome.kind !== "retry" && outcome.kind !== "postpone") return;
      if (outcome.error === undefined) return;
      await broker.results.note(id, retrying(outcome.error, attempt), outcome.delay + ttl, reply);
    } catch (error) {
      logger.warn({ err: error, id, actor }, "the caller could not be told how a message ended");
    }
  }

  /** Does for a dead message what layers do that were not reached: its flow fails, its keys are free, its end is known. */
  async #bury(queue: string, envelope: Envelope, outcome: Dead): Promise<void> {
    const { flow, id, unique } = envelope;
    const { broker, logger } = this.#context;
    if (unique !== undefined && unique.frees.length > 0) {
      await broker.claims?.free(queue, id, unique.frees).catch((error: unknown) => {
        logger.warn({ err: error, id, queue }, "the keys of a dead message are free only when their time is over");
      });
    }
    const known = this.#lines.get(envelope.actor)?.actor;
    if (known === undefined || known.tracked) {
      await noteDead(broker, id, outcome, defaults.actor.resultTtl).catch((error: unknown) => {
        logger.warn({ err: error, id }, "how the message stands could not be recorded");
      });
    }
    if (flow !== undefined) {
      const step = new FlowStep(this.#context, flow, { envelope, log: logger, abortReason: undefined });
      await step.died(outcome).catch((error: unknown) => {
        logger.error({ err: error, id, flow: flow.id }, "the flow of a dead message could not be told");
      });
    }
  }

  #ended(delivery: Delivery, envelope: Envelope | undefined, outcome: Outcome, answer?: Answer): Attempt {
    if (outcome.kind === "retry" || outcome.kind === "dead") this.#log(delivery, envelope, outcome);
    if (outcome.kind === "cancelled") {
      const { actor, id } = envelope ?? {};
      this.#context.logger.info({ actor, id, queue: delivery.queue }, "message was cancelled");
    }
    const failures = envelope === undefined ? [] : failuresAfter(envelope, outcome, this.#context.clock.now());
    return { envelope, outcome, failures, answer };
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
    const level = outcome.foreseen === true ? "info" : outcome.kind === "retry" ? "warn" : "error";
    if (outcome.kind === "retry") logger[level]({ ...fields, retryIn: outcome.delay }, "attempt failed, to be retried");
    else logger[level]({ ...fields, reason: outcome.reason }, "message is dead");
  }
}

/** The innermost step: the handler itself, and what it returned. */
function work(task: RunningTask, handler: AnyHandler): MaybePromise<Outcome> {
  const { actor } = task;
  return andThen(settled(handler(task.input as never, task)), (returned) => {
    if (actor.output === undefined) return DONE;
    // The answer is stored as it was returned: the caller's side applies transforms.
    return andThen(actor.output.check(returned), (checked) => {
      if (!checked.ok) throw new InvalidOutputError(actor.name, checked.issues);
      return { kind: "done", output: returned };
    });
  });
}

/** How every attempt ends whose actor answers nothing. */
const DONE: Outcome = { kind: "done", output: undefined };

function dead(reason: DeadReason, error: unknown, attempts: number): Dead {
  return { kind: "dead", reason, error: toRemoteError(error, { stack: true }), attempts };
}

/** Tells the broker how an attempt ended. */
export function settle(delivery: Delivery, { envelope, outcome, failures }: Attempt): Promise<void> {
  const { queue, priority, body } = delivery;
  switch (outcome.kind) {
    case "done":
    case "taken":
    case "cancelled":
      return delivery.ack();
    case "release":
      return delivery.release();
    case "postpone": {
      const id = envelope?.id ?? createId();
      const next = outcome.changes === undefined ? body : reissue(body, outcome.changes);
      return delivery.retry({ id, queue, priority, delay: outcome.delay, body: next });
    }
    case "retry": {
      const id = envelope?.id ?? createId();
      const attempt = (envelope?.attempt ?? 1) + 1;
      const next = reissue(body, { attempt, crashes: undefined, turn: undefined, failures });
      return delivery.retry({ id, queue, priority, delay: outcome.delay, body: next }, outcome.error);
    }
    case "dead": {
      const { reason, error, attempts } = outcome;
      const id = envelope?.id ?? createId();
      const { actor, at: sentAt } = envelope ?? {};
      return delivery.reject({ id, actor, queue, priority, reason, error, attempts, failures, sentAt, body });
    }
  }
}
