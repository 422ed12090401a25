/** One attempt at a message, as its handler and the middleware see it. */
import type { Actor } from "../actor.js";
import type { Answer, Delivery } from "../seams/broker.js";
import type { Envelope, Headers } from "../wire/envelope.js";
import { InvalidProgressError, UndecodableError } from "../vocabulary/errors.js";
import type { ResolvedOptions } from "../vocabulary/options.js";
import type { Logger } from "./logger.js";

/** What a handler knows of the message that it works on. */
export interface TaskMessage {
  /** Sortable by the time it was made; the same in every attempt. */
  readonly id: string;
  /** The actor's name: `payments.processPayment`. */
  readonly actor: string;
  readonly queue: string;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  /** After which attempt the message is dead. */
  readonly maxAttempts: number;
  /** When it was sent, by the sender's clock. */
  readonly sentAt: Date;
  /** Texts that its sender, or middleware there, gave it. */
  readonly headers: Headers;
}

/** A handler's second argument. */
export interface Task {
  readonly message: TaskMessage;
  /**
   * Aborts when the attempt is to end: its reason is a `TimeLimitError`, a `CancelledError`, a `LeaseLostError` (another
   * worker has the message) or a `ShutdownError`. Pass it to whatever takes an AbortSignal.
   */
  readonly signal: AbortSignal;
  /** The worker's logger; each line names the message and its actor. */
  readonly log: Logger;
}

/** The second argument of a handler whose contract has a `progress`. */
export interface ProgressTask<Progress> extends Task {
  /**
   * Tells how far it is. Callers learn the latest value, at most about ten times a second.
   * @throws InvalidProgressError it does not fit the contract; nothing was told
   */
  progress(value: Progress): void;
}

/** A task as middleware sees it. */
export interface MiddlewareTask extends Task {
  readonly actor: Actor;
  /** The message as it travelled; its input is not validated there. */
  readonly envelope: Envelope;
  readonly queue: string;
  /** The actor's options, with what the message says otherwise. */
  readonly options: ResolvedOptions;
  /** The validated input. Reading it outside of the layer `input` throws. */
  readonly input: unknown;
  /** Why the attempt is to end; `undefined` while it may go on. */
  readonly abortReason: Error | undefined;
  /** Tells the handler to end. Only the first reason counts. */
  abort(reason: Error): void;
}

/** Takes what a handler tells of its progress. */
export interface ProgressSink {
  add(value: unknown): void;
}

/** A task in the worker's hands. */
export class RunningTask implements MiddlewareTask, ProgressTask<unknown> {
  readonly actor: Actor;
  readonly envelope: Envelope;
  readonly queue: string;
  readonly options: ResolvedOptions;
  /** The message as the broker handed it out. */
  readonly delivery: Delivery;
  /** What is to be stored in one step with the ack; absent where nothing is, or it is stored already. */
  answer: Answer | undefined;
  /** It has asked for its place under its actor's limits. */
  hasEntered = false;
  readonly #logger: Logger;
  #message: TaskMessage | undefined;
  #controller: AbortController | undefined;
  #reason: Error | undefined;
  #log: Logger | undefined;
  #input: { readonly value: unknown } | undefined;
  #sink: ProgressSink | undefined;

  constructor(actor: Actor, envelope: Envelope, delivery: Delivery, logger: Logger) {
    this.actor = actor;
    this.envelope = envelope;
    this.options = envelope.options === undefined ? actor.options : { ...actor.options, ...envelope.options };
    this.queue = delivery.queue;
    this.delivery = delivery;
    this.#logger = logger;
  }

  get message(): TaskMessage {
    this.#message ??= {
      id: this.envelope.id,
      actor: this.actor.name,
      queue: this.queue,
      attempt: this.envelope.attempt,
      maxAttempts: this.options.maxRetries + 1,
      sentAt: new Date(this.envelope.at),
      headers: this.envelope.headers,
    };
    return this.#message;
  }

  // Made only for those who look: a controller costs more than the rest of a no-op task.
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  get log(): Logger {
    this.#log ??= this.#logger.child?.({ actor: this.message.actor, id: this.message.id }) ?? this.#logger;
    return this.#log;
  }

  get input(): unknown {
    if (this.#input === undefined)
      throw new UndecodableError('the input was not validated yet: this is outside of "input"');
    return this.#input.value;
  }

  /** Learns the validated input. */
  accept(value: unknown): void {
    this.#input = { value };
  }

  /** Learns where its progress goes. */
  reportTo(sink: ProgressSink): void {
    this.#sink = sink;
  }

  progress(value: unknown): void {
    if (this.#sink !== undefined) return this.#sink.add(value);
    throw new InvalidProgressError(this.actor.name, [{ path: "", message: "the contract has no progress" }]);
  }

  get abortReason(): Error | undefined {
    return this.#reason;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}
