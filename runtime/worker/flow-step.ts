/** One message of a flow in a worker's hands: whether it may run, what is recorded of its end, and what is handed on. */
import type { Actor } from "../actor.js";
import { defaults } from "../vocabulary/defaults.js";
import type { Envelope, FlowPlace } from "../wire/envelope.js";
import {
  CancelledError,
  FlowExpiredError,
  InvalidOptionError,
  LeaseLostError,
  toRemoteError,
  type DeadReason,
} from "../vocabulary/errors.js";
import type { FlowStore, Following } from "../seams/flows.js";
import type { Failed, StoredResult } from "../seams/results.js";
import { writeOutput } from "../sending/following.js";
import { failed, handOn, unfit, writeFailure, type EndingStep } from "../sending/step-end.js";
import { cancellation } from "../wire/stored-result.js";
import { isSealed } from "../wire/wire-value.js";
import type { Logger } from "./logger.js";
import type { Next } from "./middleware/compose.js";
import { isCancelled } from "./middleware/control.js";
import { failure } from "./middleware/results.js";
import { afterFailure } from "./middleware/retries.js";
import type { LayerContext } from "./middleware/stack.js";
import type { Dead, Done, Outcome } from "./outcome.js";
import { whileUnavailable, type Holder } from "./patience.js";
import type { MiddlewareTask } from "./task.js";

/** What is known of a message, whether or not its actor is. */
export interface StepInHand extends Holder {
  readonly envelope: Envelope;
  readonly log: Logger;
  /** Absent where it is not known here. */
  readonly actor?: Actor;
}

const TAKEN: Outcome = { kind: "taken" };
const CANCELLED: Outcome = { kind: "cancelled" };

export class FlowStep {
  readonly #context: LayerContext;
  readonly #place: FlowPlace;
  readonly #step: StepInHand;
  readonly #ending: EndingStep;

  constructor(context: LayerContext, place: FlowPlace, step: StepInHand) {
    const { actor, headers, attempt } = step.envelope;
    this.#context = context;
    this.#place = place;
    this.#step = step;
    this.#ending = { place, actor, headers, attempts: attempt };
  }

  /** Runs the step where it may. What follows it is handed on before it is acked. */
  async attempt(task: MiddlewareTask, next: Next): Promise<Outcome> {
    const store = this.#store;
    if (store === undefined) {
      const { name } = this.#context.broker;
      const help = `${name} has no store for the flow of this message: give the worker's broker a "state".`;
      return this.#refuse("flow-unsupported", new InvalidOptionError(help));
    }
    const begun = await this.#patiently(async () => {
      const answer = await store.begin(this.#place);
      // It ended before, and was not acked: what follows may not have been sent.
      const dead = answer.kind === "ended" ? await this.#handOn(answer.following) : undefined;
      return { kind: answer.kind, dead };
    });
    switch (begun.kind) {
      case "run":
        return this.#run(store, task, next);
      case "ended":
        return begun.dead ?? TAKEN;
      case "expired":
        // Nothing keeps a flow for a step that was cancelled before its time.
        if (await isCancelled(task, this.#context)) return CANCELLED;
        return this.#refuse("flow-expired", new FlowExpiredError(this.#place.id));
      case "dropped":
        // Whoever cancelled it may not have lived to tell.
        return this.#cancelled(store);
      case "cancelled":
      case "elsewhere":
        return TAKEN;
    }
  }

  /** The step is dead: the flow fails with it, or the member of a group that collects. */
  async died(outcome: Failed): Promise<void> {
    const store = this.#store;
    if (store === undefined) return;
    await this.#patiently(async () => {
      await this.#tellOwn(failure(outcome));
      const ended = await store.dead(this.#place, writeFailure(this.#ending, outcome));
      await failed(this.#context, this.#ending, outcome, ended);
    });
  }

  get #store(): FlowStore | undefined {
    return this.#context.broker.state?.flows;
  }

  /** The step was cancelled: the flow fails as it does with a dead one, and it is never replayed. */
  async #cancelled(store: FlowStore): Promise<Outcome> {
    const { envelope, actor } = this.#step;
    const cancelled = cancellation(new CancelledError(envelope.actor, envelope.id));
    const ttl = actor?.options.resultTtl ?? defaults.actor.resultTtl;
    await this.#patiently(async () => {
      await this.#context.broker.results.put(envelope.id, cancelled, ttl, envelope.reply);
      const ended = await store.cancelStep(this.#place, writeFailure(this.#ending, cancelled));
      await failed(this.#context, this.#ending, cancelled, ended);
    });
    return CANCELLED;
  }

  async #run(store: FlowStore, task: MiddlewareTask, next: Next): Promise<Outcome> {
    let outcome: Outcome;
    try {
      outcome = await next();
    } catch (error) {
      // A layer within failed, not the handler. What becomes of the message is decided outside; the flow is told here.
      const failed = afterFailure(task, error, this.#context);
      if (failed.kind === "dead") await this.died(failed);
      throw error;
    }
    // A message in other hands is recorded by those.
    if (task.abortReason instanceof LeaseLostError) return outcome;
    switch (outcome.kind) {
      case "done":
        return this.#done(store, task, outcome);
      case "dead":
        await this.died(outcome);
        return outcome;
      case "retry":
      case "postpone": {
        const { delay } = outcome;
        await this.#patiently(() => store.extend(this.#place.id, delay));
        return outcome;
      }
      case "cancelled":
        return this.#cancelled(store);
      case "taken": {
        // Its limits have it, and bring it back when its turn has come.
        await this.#patiently(() => store.extend(this.#place.id, defaults.flow.longestTurn));
        return outcome;
      }
      case "release":
        return outcome;
    }
  }

  async #done(store: FlowStore, task: MiddlewareTask, outcome: Done): Promise<Outcome> {
    let value: string;
    try {
      value = await this.#written(task.actor, outcome.output);
    } catch (error) {
      const why = unfit(this.#ending, error);
      await this.died(why);
      return { kind: "dead", ...why };
    }
    const dead = await this.#patiently(async () => {
      await this.#tellOwn({ ok: true, output: undefined });
      const ended = await store.done(this.#place, value);
      if (ended.kind === "ended") return this.#handOn(ended.following);
      const what = ended.kind === "late" ? "this step was cancelled" : `the flow is ${ended.kind}`;
      this.#step.log.warn({ flow: this.#place.id }, `${what}: nothing follows this step`);
      return undefined;
    });
    return dead ?? outcome;
  }

  /** The output as the next step is given it: with the transforms of its schema applied. */
  async #written({ output }: Actor, returned: unknown): Promise<string> {
    const checked = await output?.check(returned);
    const { id, node } = this.#place;
    const seal = isSealed(this.#step.envelope.encoding) ? this.#context.seal : undefined;
    return writeOutput(id, node, checked?.ok === true ? checked.value : undefined, seal);
  }

  async #handOn(following: Following): Promise<Dead | undefined> {
    const why = await handOn(this.#context, this.#ending, following);
    return why === undefined ? undefined : { kind: "dead", ...why };
  }

  /** The result of the message itself, where no other layer keeps it: those of a group are told of as they end. */
  async #tellOwn(result: StoredResult): Promise<void> {
    const { actor, envelope } = this.#step;
    if (actor?.output !== undefined) return;
    const ttl = actor?.options.resultTtl ?? defaults.actor.resultTtl;
    await this.#context.broker.results.put(envelope.id, result, ttl, envelope.reply);
  }

  /** There is no flow to run it in: whoever waits for it or for its message is told. */
  async #refuse(reason: DeadReason, error: Error): Promise<Dead> {
    const { envelope } = this.#step;
    const dead: Dead = { kind: "dead", reason, error: toRemoteError(error, { stack: true }), attempts: 0 };
    const step = { node: this.#place.node, actor: envelope.actor };
    const result: StoredResult = { ...failure(dead), step };
    const { results } = this.#context.broker;
    await this.#patiently(async () => {
      const ids = [envelope.id, this.#place.id];
      await Promise.all(ids.map((id) => results.put(id, result, defaults.actor.resultTtl, envelope.reply)));
    });
    return dead;
  }

  /** Sees a step through an outage. It is repeated as a whole: a message that is sent twice is told by its copy. */
  #patiently<T>(step: () => Promise<T>): Promise<T> {
    const tell = (error: Error) => this.#step.log.warn({ err: error }, "the flow cannot be reached yet; trying again");
    return whileUnavailable(this.#context.clock, this.#step, step, tell);
  }
}
