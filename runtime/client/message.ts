/** What a producer holds of a message that it sent. */
import type { Actor } from "../actor.js";
import type { Broker } from "../broker.js";
import { defaults } from "../defaults.js";
import type { Duration } from "../duration.js";
import { InvalidOutputError, RemoteFailureError, ResultTimeoutError } from "../errors.js";
import { duration, refuseUnknownOptions } from "../given-options.js";
import type { StoredResult, WaitOptions } from "../results.js";
import { fromTagged, TAGGED } from "../tagged.js";

/** A message that the broker has. */
export interface SentMessage {
  /** Sortable by the time it was made (UUIDv7). */
  readonly id: string;
  /** The actor's name: `payments.processPayment`. */
  readonly actor: string;
  /** The queue that it waits in; where the contract's has partitions, one of them. */
  readonly queue: string;
}

/** How to wait for an answer. */
export interface ResultOptions {
  /** How long to wait. Default: `"10s"`. */
  readonly timeout?: Duration;
}

/** A sent message that will be answered. */
export class Message<Output> implements SentMessage {
  readonly #broker: Broker;
  readonly #actor: Actor;
  readonly #timeout: number;
  readonly id: string;
  readonly queue: string;

  constructor(
    broker: Broker,
    actor: Actor,
    { id, queue }: Pick<SentMessage, "id" | "queue">,
    timeout: number = defaults.client.resultTimeout,
  ) {
    this.#broker = broker;
    this.#actor = actor;
    this.#timeout = timeout;
    this.id = id;
    this.queue = queue;
  }

  get actor(): string {
    return this.#actor.name;
  }

  /**
   * Waits for the answer. It can be asked again until the actor's `resultTtl` has passed.
   * @throws RemoteFailureError the message is dead; `remote` is the handler's error
   * @throws ResultTimeoutError there is no answer yet; the message may still run
   */
  async result(options: ResultOptions = {}): Promise<Output> {
    refuseUnknownOptions(`${this.actor}.result`, options, ["timeout"] satisfies (keyof ResultOptions)[]);
    const wait = { timeout: duration('"timeout"', options.timeout) ?? this.#timeout, addressed: false };
    return (await awaitResult(this.#broker, this.#actor, this.id, wait)) as Output;
  }
}

/** Waits for the end of a message and turns it into what its caller sees: an output, or an error. */
export async function awaitResult(broker: Broker, actor: Actor, id: string, options: WaitOptions): Promise<unknown> {
  const awaited = await broker.results.wait(id, options);
  if ("pending" in awaited) throw new ResultTimeoutError(actor.name, id, options.timeout, awaited.pending);
  return open(actor, id, awaited.done);
}

async function open(actor: Actor, id: string, result: StoredResult): Promise<unknown> {
  if (!result.ok) throw new RemoteFailureError(actor.name, id, result.reason, result.error, result.attempts);
  if (actor.output === undefined) return undefined;
  const checked = await actor.output.check(result.encoding === TAGGED ? fromTagged(result.output) : result.output);
  if (!checked.ok) throw new InvalidOutputError(actor.name, checked.issues);
  return checked.value;
}
