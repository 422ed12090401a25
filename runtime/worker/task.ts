/** One attempt at a message, as its handler and the middleware see it. */
import type { Actor } from "../actor.js";
import type { Envelope } from "../envelope.js";
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
}

/** A handler's second argument. */
export interface Task {
  readonly message: TaskMessage;
  /**
   * Aborts when the attempt is to end: its reason is a `TimeLimitError`, a `LeaseLostError` (another worker has the
   * message) or a `ShutdownError`. Pass it to whatever takes an AbortSignal.
   */
  readonly signal: AbortSignal;
  /** The worker's logger; each line names the message and its actor. */
  readonly log: Logger;
}

/** A task in the worker's hands. */
export class RunningTask implements Task {
  readonly actor: Actor;
  readonly envelope: Envelope;
  readonly #queue: string;
  readonly #logger: Logger;
  #message: TaskMessage | undefined;
  #controller: AbortController | undefined;
  #reason: Error | undefined;
  #log: Logger | undefined;

  constructor(actor: Actor, envelope: Envelope, queue: string, logger: Logger) {
    this.actor = actor;
    this.envelope = envelope;
    this.#queue = queue;
    this.#logger = logger;
  }

  get message(): TaskMessage {
    this.#message ??= {
      id: this.envelope.id,
      actor: this.actor.name,
      queue: this.#queue,
      attempt: this.envelope.attempt,
      maxAttempts: this.actor.options.maxRetries + 1,
      sentAt: new Date(this.envelope.at),
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

  /** Why the attempt is to end; `undefined` while it may go on. */
  get abortReason(): Error | undefined {
    return this.#reason;
  }

  /** Tells the handler to end. Only the first reason counts. */
  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}
