/** Publishes the messages of a scope whose turn has come, and looks by itself when that may be. */
import type { Broker } from "../seams/broker.js";
import type { Clock } from "../support/clock.js";
import { reissue } from "../wire/envelope.js";
import type { Call, LimitScope, LimitStore, Progress } from "../seams/limits.js";
import type { Logger } from "./logger.js";

/** What a promoter works with. */
export interface PromoterContext {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

export class Promoter {
  readonly #store: LimitStore;
  readonly #scope: LimitScope;
  readonly #interval: number;
  readonly #context: PromoterContext;
  #running = false;
  /** Whether it has not looked yet: then the limits may be new. */
  #isNew = true;
  /** When it looks next, by the clock's elapsed time, and how not to. */
  #planned: { readonly at: number; readonly cancel: () => void } | undefined;
  #looking: Promise<void> | undefined;

  /** `interval`: how often it looks where it knows of nothing, in milliseconds: for what others parked, and left. */
  constructor(store: LimitStore, scope: LimitScope, interval: number, context: PromoterContext) {
    this.#store = store;
    this.#scope = scope;
    this.#interval = interval;
    this.#context = context;
  }

  start(): void {
    this.#running = true;
    this.#look();
  }

  /** Resolves when nothing of it is under way. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#planned?.cancel();
    await this.#looking;
  }

  /** Publishes those who were called, and remembers when to look again. Never rejects: who goes unheard is called again. */
  async take({ calls, next }: Progress): Promise<void> {
    if (next !== undefined) this.#plan(next);
    if (calls.length === 0) return;
    const { broker, logger } = this.#context;
    try {
      await broker.publish(calls.map(withTurn));
      await this.#store.published(this.#scope, calls);
    } catch (error) {
      const again = this.#scope.reservation;
      logger.warn(
        { scope: this.#scope.name, err: error, again },
        "messages whose turn came could not be published yet",
      );
    }
  }

  #plan(wait: number): void {
    if (!this.#running) return;
    const { clock } = this.#context;
    // A timer may be a little early, and what is due at once is more than one go could do.
    const milliseconds = Math.max(1, wait);
    const at = clock.elapsed() + milliseconds;
    if (this.#planned !== undefined && this.#planned.at <= at) return;
    this.#planned?.cancel();
    this.#planned = { at, cancel: clock.after(milliseconds, () => this.#look(), { background: true }) };
  }

  #look(): void {
    this.#planned = undefined;
    // Not all workers of an actor at the same moment.
    this.#plan(this.#interval * (0.75 + this.#context.random() / 2));
    this.#looking = this.#advance();
  }

  async #advance(): Promise<void> {
    try {
      const progress = await this.#store.advance(this.#scope, { anew: this.#isNew });
      this.#isNew = false;
      await this.take(progress);
    } catch (error) {
      this.#context.logger.debug({ scope: this.#scope.name, err: error }, "the store of limits cannot be asked");
    }
  }
}

/** The message remembers its turn, so that it stands where it stood if it has to wait again. */
function withTurn({ publication, turn }: Call) {
  return { ...publication, body: reissue(publication.body, { turn }) };
}
