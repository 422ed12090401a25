/**
 * Sees to messages that wait for the limits of an actor that was removed or renamed, or whose workers are all gone: they
 * go back into their queue, for a worker that knows their actor or says that it does not. Without this, nobody would ever
 * call them.
 */
import type { LimitStore } from "../seams/limits.js";
import { defaults } from "../vocabulary/defaults.js";
import { Promoter, type PromoterContext } from "./promoter.js";

export class Adopter {
  readonly #store: LimitStore;
  readonly #context: PromoterContext;
  /** Those of scopes that are left alone, by name. */
  readonly #promoters = new Map<string, Promoter>();
  #cancel: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #running = false;

  constructor(store: LimitStore, context: PromoterContext) {
    this.#store = store;
    this.#context = context;
  }

  /** Begins, for a worker that sees to the scopes of these names itself. */
  start(own: readonly string[]): void {
    this.#running = true;
    this.#look(own);
  }

  /** Resolves when nothing of it is under way. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#cancel?.();
    await this.#looking;
    await Promise.all([...this.#promoters.values()].map((promoter) => promoter.stop()));
  }

  #look(own: readonly string[]): void {
    const { clock, random, logger } = this.#context;
    this.#looking = this.#adopt(own).catch((error: unknown) => {
      logger.debug({ err: error }, "the store of limits cannot be asked what is left alone");
    });
    const wait = defaults.limits.remainderInterval * (0.75 + random() / 2);
    this.#cancel = clock.after(wait, () => this.#look(own), { background: true });
  }

  async #adopt(own: readonly string[]): Promise<void> {
    const alone = await this.#store.attend(own, defaults.limits.patience);
    for (const [name, promoter] of this.#promoters) {
      if (alone.includes(name)) continue;
      this.#promoters.delete(name);
      await promoter.stop();
    }
    for (const name of alone) if (this.#running && !this.#promoters.has(name)) this.#begin(name);
  }

  #begin(name: string): void {
    const { reservation, remainderInterval } = defaults.limits;
    this.#context.logger.warn(
      { actor: name },
      "messages wait for the limits of an actor that no worker has seen to for long: back to their queue",
    );
    const promoter = new Promoter(this.#store, { name, reservation }, remainderInterval, this.#context);
    this.#promoters.set(name, promoter);
    promoter.start();
  }
}
