/** What the broker was told and has not confirmed: kept in sight, told again through an outage, and counted. */
import type { Delivery } from "../seams/broker.js";
import { settlesWithin, type Clock } from "../support/clock.js";
import { LeaseLostError } from "../vocabulary/errors.js";
import type { Logger } from "./logger.js";
import { again, type Holder } from "./patience.js";

/** Tells the broker what becomes of a delivery. */
type Step = (delivery: Delivery) => Promise<void>;

/** Whose attempt is over, or never began: nothing aborts it any more. */
const NOBODY: Holder = { abortReason: undefined };

/** One outcome on its way to the broker. */
interface Settlement {
  readonly delivery: Delivery;
  readonly step: Step;
  readonly holder: Holder;
}

export class Settlements {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #count = 0;
  #onNone: (() => void) | undefined;
  /** The newest promise, and all whose outcome it tells: acks that travel together share one. */
  #latest: { readonly promise: Promise<void>; readonly members: Settlement[] } | undefined;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Takes a step that settles a delivery, and sees to it that it succeeds or is told of. What step and holder refer to
   * stays in memory until then.
   */
  add(delivery: Delivery, step: Step, holder = NOBODY): void {
    this.#count++;
    const promise = step(delivery);
    const settlement = { delivery, step, holder };
    if (this.#latest?.promise === promise) {
      this.#latest.members.push(settlement);
      return;
    }
    const members = [settlement];
    this.#latest = { promise, members };
    promise.then(
      () => this.#end(members.length),
      (error: unknown) => {
        for (const member of members) void this.#failed(member, error);
      },
    );
  }

  /** Waits until the broker has confirmed all of them, but no longer than this, in milliseconds. */
  async all(limit: number): Promise<void> {
    if (this.#count === 0) return;
    await settlesWithin(this.#clock, limit, new Promise<void>((resolve) => (this.#onNone = resolve)));
  }

  async #failed({ delivery, holder, step }: Settlement, failure: unknown): Promise<void> {
    const { queue } = delivery;
    const tell = (error: Error) =>
      this.#logger.warn({ queue, err: error }, "the outcome cannot be settled yet; trying again");
    try {
      await again(this.#clock, holder, failure, () => step(delivery), tell);
    } catch (error) {
      const late = error instanceof LeaseLostError;
      const message = late ? "too late: another worker has the message" : "the broker did not take the outcome";
      this.#logger.warn({ queue, err: error }, message);
      // Still held, it would be leased for ever: it is given back, where the broker lets us.
      if (!late) delivery.release().catch(() => undefined);
    }
    this.#end(1);
  }

  #end(count: number): void {
    this.#count -= count;
    if (this.#count === 0) this.#onNone?.();
  }
}
