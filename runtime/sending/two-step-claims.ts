/**
 * Claims of a broker that keeps none itself: the keys are claimed in a store, the message is sent, and the claim is
 * confirmed. A key whose sender died in between is pending for some seconds, and whoever wants it waits as long.
 */
import { randomUUID } from "node:crypto";
import type { Publication } from "../seams/broker.js";
import type { Claim, Claimed, Claims, ClaimStore } from "../seams/claims.js";
import { sleep, systemClock } from "../support/clock.js";
import { defaults } from "../vocabulary/defaults.js";
import { BrokerRefusedError } from "../vocabulary/errors.js";

/** How long a key may be pending, in milliseconds: longer than a broker may take to confirm a message. */
const PENDING = defaults.broker.publishTimeout + 5000;
/** How long to wait before a pending key is asked for again, in milliseconds; doubled each time. */
const SHORTEST_WAIT = 20;
const LONGEST_WAIT = 500;

export class TwoStepClaims implements Claims {
  readonly marks = true;
  readonly #store: ClaimStore;
  readonly #publish: (message: Publication) => Promise<void>;

  constructor(store: ClaimStore, publish: (message: Publication) => Promise<void>) {
    this.#store = store;
    this.#publish = publish;
  }

  async publish(message: Publication, wanted: readonly Claim[]): Promise<Claimed> {
    const { id, queue, delay } = message;
    const mark = wanted.find((claim) => claim.mark !== undefined)?.mark ?? randomUUID();
    const sending = { id, queue, delay, mark };
    // What is numbered has an id of its own for each number, which is claimed as well.
    const claims = wanted.filter(({ from }) => typeof from === "string");
    for (let wait = SHORTEST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      const begun = await this.#store.begin(sending, claims, PENDING);
      if (begun.state === "taken") return { id: begun.id, sent: false };
      if (begun.state === "claimed") break;
      await sleep(systemClock, Math.min(wait, Math.max(1, begun.left)));
    }
    try {
      await this.#publish(message);
    } catch (error) {
      // Whether a broker that cannot be reached has it, nobody knows: then the keys stay pending for their time.
      if (error instanceof BrokerRefusedError)
        await this.free(
          queue,
          id,
          claims.map(({ key }) => key),
        );
      throw error;
    }
    await this.#store.confirm(sending, claims);
    return { id, sent: true };
  }

  replaced(queue: string, id: string): Promise<boolean> {
    return this.#store.replaced(queue, id);
  }

  free(queue: string, id: string, keys: readonly string[]): Promise<void> {
    return this.#store.free(queue, id, keys);
  }

  meet(...args: Parameters<ClaimStore["meet"]>): Promise<boolean> {
    return this.#store.meet(...args);
  }
}
