/** Renews the slots that this process holds of a scope, all of them in one command, at a third of their lease. */
import type { Clock } from "./clock.js";
import type { LimitScope, LimitStore, Place } from "./limits.js";

/** A slot that is held. */
interface Held {
  readonly place: Place;
  readonly lost: () => void;
}

export class SlotKeeper {
  readonly #store: LimitStore;
  readonly #scope: LimitScope;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  #cancel: (() => void) | undefined;

  constructor(store: LimitStore, scope: LimitScope, clock: Clock) {
    this.#store = store;
    this.#scope = scope;
    this.#clock = clock;
  }

  /** Keeps a slot, and tells where it was lost all the same: this process or the store was away for too long. */
  add(place: Place, lost: () => void): void {
    this.#held.set(place.token, { place, lost });
    this.#cancel ??= this.#arm();
  }

  /** Keeps it no longer. */
  remove({ token }: Place): void {
    this.#held.delete(token);
    if (this.#held.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Keeps none of them any longer. */
  stop(): void {
    this.#held.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): (() => void) | undefined {
    const lease = this.#scope.concurrency?.lease;
    if (lease === undefined) return undefined;
    return this.#clock.after(lease / 3, () => void this.#renew(), { background: true });
  }

  async #renew(): Promise<void> {
    const places = [...this.#held.values()].map(({ place }) => place);
    // A store that is away is asked again in time, or the leases end.
    const gone = await this.#store.renew(this.#scope, places).catch(() => []);
    for (const token of gone) {
      const held = this.#held.get(token);
      this.#held.delete(token);
      held?.lost();
    }
    this.#cancel = this.#held.size === 0 ? undefined : this.#arm();
  }
}
