/** A barrier: a meeting of a known number of members, which happens once or, when its time is over, never. */
import type { BarrierStore } from "../seams/barriers.js";
import type { Broker } from "../seams/broker.js";
import type { Duration } from "../vocabulary/duration.js";
import { BarrierExpiredError, InvalidOptionError } from "../vocabulary/errors.js";
import { duration, refuseUnknownOptions } from "../support/given-options.js";

/** How a barrier is made. */
export interface BarrierOptions {
  /** How many members it takes, 1 or more. */
  readonly parties: number;
  /** How long it lasts from its creation. After that it never becomes complete. */
  readonly ttl: Duration;
}

/** How a barrier is waited for. */
export interface BarrierWaitOptions {
  /** How long. Default: as long as the barrier lasts. */
  readonly timeout?: Duration;
}

/** A barrier that all share who name its key. */
export interface Barrier {
  /** Makes it. False where it is there already. */
  create(): Promise<boolean>;
  /**
   * Notes that a member is there. True for the member who completes it, also when that one comes again: a message that
   * is delivered twice is told the same twice, so that what is to follow is not lost with a worker. A member counts once.
   * @throws BarrierExpiredError it was not complete in time, or nobody created it
   * @throws InvalidOptionError the member has no name
   */
  arrive(member: string): Promise<boolean>;
  /**
   * Waits until it is complete; false where that takes longer than `timeout`.
   * @throws BarrierExpiredError it was not complete in time, or nobody created it
   */
  wait(options?: BarrierWaitOptions): Promise<boolean>;
}

/** A barrier: all that name the same key on a broker share it. Needs a broker with a state store. */
export function barrier(broker: Broker, key: string, options: BarrierOptions): Barrier {
  refuseUnknownOptions("barrier", options, ["parties", "ttl"]);
  if (typeof key !== "string" || key === "") throw new InvalidOptionError("barrier: its key must be a text.");
  const { parties } = options;
  if (!Number.isSafeInteger(parties) || parties < 1) {
    throw new InvalidOptionError(`barrier "${key}": "parties" must be a whole number, 1 or more; it is ${parties}.`);
  }
  const ttl = duration('"ttl"', options.ttl) ?? 0;
  if (ttl === 0) throw new InvalidOptionError(`barrier "${key}": "ttl" must be a duration of more than 0.`);
  return new StoredBarrier(barrierStoreOf(broker, key), key, parties, ttl);
}

function barrierStoreOf(broker: Broker, key: string): BarrierStore {
  const store = broker.state?.barriers;
  if (store !== undefined) return store;
  throw new InvalidOptionError(
    `The barrier "${key}" needs a state store, and ${broker.name} has none: rabbitmqBroker(url, { state: redisState(url) }).`,
  );
}

class StoredBarrier implements Barrier {
  readonly #store: BarrierStore;
  readonly #key: string;
  readonly #parties: number;
  readonly #ttl: number;

  constructor(store: BarrierStore, key: string, parties: number, ttl: number) {
    this.#store = store;
    this.#key = key;
    this.#parties = parties;
    this.#ttl = ttl;
  }

  create(): Promise<boolean> {
    return this.#store.create(this.#key, this.#parties, this.#ttl);
  }

  async arrive(member: string): Promise<boolean> {
    if (typeof member !== "string" || member === "") {
      throw new InvalidOptionError(`barrier "${this.#key}": a member is named by a text, such as its message's id.`);
    }
    return this.#unlessExpired(await this.#store.arrive(this.#key, member));
  }

  async wait(options: BarrierWaitOptions = {}): Promise<boolean> {
    refuseUnknownOptions("barrier.wait", options, ["timeout"]);
    const timeout = duration('"timeout"', options.timeout) ?? this.#ttl;
    return this.#unlessExpired(await this.#store.wait(this.#key, timeout));
  }

  #unlessExpired(complete: boolean | undefined): boolean {
    if (complete === undefined) throw new BarrierExpiredError(this.#key);
    return complete;
  }
}
