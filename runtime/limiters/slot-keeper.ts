/**
 * Renews the slots that this process holds of a scope, all of them in one command, at a third of their lease. Where that
 * does not work in time, their holders are told without the store.
 */
import type { Clock } from "../support/clock.js";
import type { LimitScope, LimitStore, Place } from "../seams/limits.js";

/** A slot that is held. */
interface Held {
  readonly place: Place;
  readonly lost: () => void;
  /** Cancels the end of its lease. */
  cancelEnd: () => void;
}

export class SlotKeeper {
  readonly #store: Pick<LimitStore, "renew">;
  readonly #scope: LimitScope;
  readonly #clock: Clock;
  readonly #lease: number;
  readonly #held = new Map<string, Held>();
  #cancelRenewal: (() => void) | undefined;
  #isRenewing = false;

  constructor(store: Pick<LimitStore, "renew">, scope: LimitScope, clock: Clock) {
    this.#store = store;
    this.#scope = scope;
    this.#clock = clock;
    // A scope that limits no concurrency leases no slots.
    this.#lease = scope.concurrency?.lease ?? Infinity;
  }

  /**
   * Keeps a slot, and tells where it was lost all the same: this process or the store was away for too long. `asked` is
   * when the store was asked for it, by the clock's `elapsed`.
   */
  add(place: Place, asked: number, lost: () => void): void {
    const { token } = place;
    this.#held.set(token, { place, lost, cancelEnd: this.#armEnd(token, asked) });
    this.#armRenewal();
  }

  /** Keeps it no longer. */
  remove({ token }: Place): void {
    this.#held.get(token)?.cancelEnd();
    this.#held.delete(token);
    if (this.#held.size === 0) this.#disarmRenewal();
  }

  /** Keeps none of them any longer. */
  stop(): void {
    for (const { place } of this.#held.values()) this.remove(place);
  }

  #armRenewal(): void {
    if (this.#isRenewing || this.#held.size === 0) return;
    this.#cancelRenewal ??= this.#clock.after(this.#lease / 3, () => void this.#renew(), { background: true });
  }

  #disarmRenewal(): void {
    this.#cancelRenewal?.();
    this.#cancelRenewal = undefined;
  }

  async #renew(): Promise<void> {
    this.#disarmRenewal();
    this.#isRenewing = true;
    const places = [...this.#held.values()].map(({ place }) => place);
    const asked = this.#clock.elapsed();
    // A store that is away is asked again in time, or the leases end.
    const gone = await this.#store.renew(this.#scope, places).catch(() => undefined);
    this.#isRenewing = false;
    if (gone !== undefined) {
      for (const token of gone) this.#lose(token);
      for (const { token } of places) this.#prolong(token, asked);
    }
    this.#armRenewal();
  }

  #prolong(token: string, asked: number): void {
    const held = this.#held.get(token);
    if (held === undefined) return;
    held.cancelEnd();
    held.cancelEnd = this.#armEnd(token, asked);
  }

  #lose(token: string): void {
    const held = this.#held.get(token);
    if (held === undefined) return;
    this.remove(held.place);
    held.lost();
  }

  // The store's lease begins after it was asked: whoever counts from then never believes in a slot that others have. A
  // renewal may hang for longer than the lease, so its end has a timer of its own.
  #armEnd(token: string, asked: number): () => void {
    const left = asked + this.#lease - this.#clock.elapsed();
    return this.#clock.after(left, () => this.#lose(token), { background: true });
  }
}
