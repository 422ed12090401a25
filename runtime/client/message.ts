/** What a producer holds of a message that it sent. */
import type { Actor } from "../actor.js";
import type { Broker } from "../seams/broker.js";
import type { Duration } from "../vocabulary/duration.js";
import {
  CancelledError,
  InvalidOptionError,
  InvalidOutputError,
  RemoteFailureError,
  ResultTimeoutError,
} from "../vocabulary/errors.js";
import { duration, refuseUnknownOptions } from "../support/given-options.js";
import type { StoredResult, WaitOptions } from "../seams/results.js";
import type { Seal } from "../wire/seal.js";
import { readValue } from "../wire/wire-value.js";
import { followProgress, type ProgressOptions } from "./progress.js";
import { readStatus, type MessageStatus } from "./status.js";
import { cancelMessage, untilCancelled, type Cancellation } from "./cancel.js";

/** A message that the broker has. */
export interface SentMessage {
  /** Sortable by the time it was made (UUIDv7). */
  readonly id: string;
  /** The actor's name: `payments.processPayment`. */
  readonly actor: string;
  /** The queue that it waits in; where the contract's has partitions, one of them. */
  readonly queue: string;
  /**
   * Cancels it. From when this resolves on, no worker begins it; one that runs it sees `task.signal` abort, and what its
   * handler still returns is discarded. Whoever waits for its result gets a `CancelledError`.
   * @throws InvalidOptionError the broker has no state store
   */
  cancel(): Promise<Cancellation>;
}

/** How to wait for an answer. */
export interface ResultOptions {
  /** How long to wait. Default: `"10s"`. */
  readonly timeout?: Duration;
}

/** One actor's producer: what all of its messages share. */
export interface Sender {
  readonly broker: Broker;
  readonly actor: Actor;
  /** How long it waits for answers where it is not told, in milliseconds. */
  readonly resultTimeout: number;
  readonly seal: Seal | undefined;
}

/** What is known of a message where it is held. */
export interface Sent {
  readonly id: string;
  readonly queue: string;
  /** How long it is held back, in milliseconds, where that is known. */
  readonly delay?: number;
}

/** A message whose actor is tracked. */
export interface TrackedMessage {
  /** How it stands, as far as it was recorded: asked of the broker, from any process that has the id. */
  status(): Promise<MessageStatus>;
}

/** A message whose handler tells of its progress. */
export interface ProgressingMessage<Progress> extends TrackedMessage {
  /**
   * Follows its progress: the latest value at once where there is one, then each further one, or the latest of them
   * where the loop is slower. Ends with the message, whichever way that ends, or when the time is over.
   */
  progress(options?: ProgressOptions): AsyncIterableIterator<Progress>;
}

/** A sent message that will be answered. */
export interface Message<Output> extends SentMessage {
  /**
   * Waits for the answer. It can be asked again until the actor's `resultTtl` has passed.
   * @throws RemoteFailureError the message is dead; `remote` is the handler's error
   * @throws CancelledError it was cancelled
   * @throws ResultTimeoutError there is no answer yet; the message may still run
   */
  result(options?: ResultOptions): Promise<Output>;
}

/** A message as its actor's contract lets it be used: its type says what of this there is. */
export class MessageHandle implements Message<unknown>, ProgressingMessage<unknown> {
  readonly #sender: Sender;
  /** Somebody sent it, here or elsewhere: no more than its id is known. */
  readonly #foreign: boolean;
  readonly id: string;
  readonly queue: string;
  readonly #delay: number;

  constructor(sender: Sender, { id, queue, delay = 0 }: Sent, { foreign = false } = {}) {
    this.#sender = sender;
    this.#foreign = foreign;
    this.id = id;
    this.queue = queue;
    this.#delay = delay;
  }

  get actor(): string {
    return this.#sender.actor.name;
  }

  cancel(): Promise<Cancellation> {
    return cancelMessage(this.#sender, { id: this.id, queue: this.queue, delay: this.#delay });
  }

  status(): Promise<MessageStatus> {
    return readStatus(this.#sender, this.id);
  }

  progress(options: ProgressOptions = {}): AsyncIterableIterator<unknown> {
    refuseUnknownOptions(`${this.actor}.progress`, options, ["timeout"] satisfies (keyof ProgressOptions)[]);
    return followProgress(this.#sender, this.id, duration('"timeout"', options.timeout));
  }

  async result(options: ResultOptions = {}): Promise<unknown> {
    refuseUnknownOptions(`${this.actor}.result`, options, ["timeout"] satisfies (keyof ResultOptions)[]);
    if (this.#foreign) assertKept(this.#sender.broker, this.actor);
    const wait = { timeout: duration('"timeout"', options.timeout) ?? this.#sender.resultTimeout, addressed: false };
    return awaitResult(this.#sender, this, wait);
  }
}

/** Refuses to wait for what will not come: an answer that is sent only to the process that asked. */
export function assertKept(broker: Broker, owner: string): void {
  if (broker.results.addressedOnly !== true) return;
  throw new InvalidOptionError(
    `${owner}: on ${broker.name} the answer to a message reaches only the process that sent it. ` +
      "Name a result store that keeps answers for all: { results: redisResults(url) }.",
  );
}

/**
 * Waits for the end of a message and turns it into what its caller sees: an output, or an error. `limit` is the timeout
 * that the caller gave, where some of it is over.
 */
export async function awaitResult(
  sender: Sender,
  message: Sent,
  options: WaitOptions,
  limit = options.timeout,
): Promise<unknown> {
  const { actor } = sender;
  const { id } = message;
  const awaited = await untilCancelled(sender, message, options);
  if ("pending" in awaited) throw new ResultTimeoutError(actor.name, id, limit, awaited.pending);
  return readResult(sender, id, awaited.done);
}

/** The end of a message as its caller sees it: an output, or an error. */
export async function readResult({ actor, seal }: Sender, id: string, result: StoredResult): Promise<unknown> {
  if (!result.ok) {
    const { reason, error, attempts } = result;
    if (reason === "cancelled") throw new CancelledError(actor.name, id);
    throw new RemoteFailureError(actor.name, id, reason, error, attempts);
  }
  if (actor.output === undefined) return undefined;
  // What was sent sealed is answered sealed: another answer is not a worker's.
  const owner = { kind: "output", id, actor: actor.name } as const;
  const output = readValue(result.output, result.encoding, owner, seal, seal !== undefined);
  const checked = await actor.output.check(output);
  if (!checked.ok) throw new InvalidOutputError(actor.name, checked.issues);
  return checked.value;
}
