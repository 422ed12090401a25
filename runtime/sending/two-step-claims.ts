/**
 * Claims of a broker that keeps none itself: the keys are claimed in a store, the message is sent, and the claim is
 * confirmed. A key whose sender died in between is pending for some seconds, or until the message reaches a worker, and
 * whoever wants it waits as long.
 */
import { randomUUID } from "node:crypto";
import type { Publication } from "../seams/broker.js";
import type { Claim, Claimed, Claims, ClaimStore, Meeting } from "../seams/claims.js";
import { sleep, systemClock } from "../support/clock.js";
import { BrokerRefusedError, BrokerUnavailableError } from "../vocabulary/errors.js";
import type { SendingNote } from "../wire/envelope.js";

/** How much longer a key is pending than a broker may take to confirm a message, in milliseconds. */
const MARGIN = 5000;
/** How long to wait before a pending key is asked for again, in milliseconds; doubled each time. */
const SHORTEST_WAIT = 20;
const LONGEST_WAIT = 500;

export class TwoStepClaims implements Claims {
  readonly marks = true;
  readonly #store: ClaimStore;
  readonly #publish: (message: Publication) => Promise<void>;
  readonly #pending: number;

  /** `timeout`: how long `publish` takes at most, in milliseconds. */
  constructor(store: ClaimStore, publish: (message: Publication) => Promise<void>, timeout: number) {
    this.#store = store;
    this.#publish = publish;
    this.#pending = timeout + MARGIN;
  }

  async publish(message: Publication, wanted: readonly Claim[]): Promise<Claimed> {
    const { id, queue, delay } = message;
    const mark = wanted.find((claim) => claim.mark !== undefined)?.mark ?? randomUUID();
    const sending = { id, queue, delay, mark };
    // What is numbered has an id of its own for each number, which is claimed as well.
    const claims = wanted.filter(({ from }) => typeof from === "string");
    for (let wait = SHORTEST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      const begun = await this.#store.begin(sending, claims, this.#pending);
      if (begun.state === "taken") return { id: begun.id, sent: false };
      if (begun.state === "claimed") break;
      await sleep(systemClock, Math.min(wait, Math.max(1, begun.left)));
    }
    try {
      await this.#publish(message);
    } catch (error) {
      // Whether a broker that cannot be reached has it, nobody knows: then the keys stay pending for their time.
      if (isUnsent(error)) await this.#store.withdraw(sending, claims).catch(() => undefined);
      throw error;
    }
    const standing = await this.#store.confirm(sending, claims);
    return { id: standing, sent: standing === id };
  }

  replaced(queue: string, id: string): Promise<boolean> {
    return this.#store.replaced(queue, id);
  }

  free(queue: string, id: string, keys: readonly string[]): Promise<void> {
    return this.#store.free(queue, id, keys);
  }

  meet(queue: string, id: string, sending: SendingNote): Promise<Meeting> {
    return this.#store.meet(queue, id, sending);
  }
}

/** Whether it is certain that nobody has the message. */
function isUnsent(error: unknown): boolean {
  return error instanceof BrokerRefusedError || (error instanceof BrokerUnavailableError && error.unsent);
}
