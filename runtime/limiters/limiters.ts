/** Limiters that are used by hand, where a contract's limits do not fit: for a part of a handler, or outside of any. */
import { randomUUID } from "node:crypto";
import type { Broker } from "../seams/broker.js";
import { systemClock, type Clock } from "../support/clock.js";
import type { ConcurrencyLimit, RateLimit } from "../vocabulary/contract.js";
import { defaults } from "../vocabulary/defaults.js";
import type { Duration } from "../vocabulary/duration.js";
import { InvalidOptionError, RateLimitedError, SlotLostError } from "../vocabulary/errors.js";
import { duration, refuseUnknownOptions } from "../support/given-options.js";
import { concurrencyFault, rateFault, resolveConcurrency, resolveRate } from "../vocabulary/limit-options.js";
import { limitStoreOf, type LimitScope, type LimitStore, type Place } from "../seams/limits.js";
import { SlotKeeper } from "./slot-keeper.js";
import { Wakeup } from "../support/wakeup.js";

/** How a limiter is waited for. */
export interface AcquireOptions {
  /** How long to wait where there is no room. Default: not at all. */
  readonly timeout?: Duration;
  /** Ends the wait: a handler passes its `task.signal`. */
  readonly signal?: AbortSignal;
}

/** A slot that is held, and renewed until it is released. */
export interface Slot extends AsyncDisposable {
  /** Aborts with a `SlotLostError` when the slot was not renewed in time, as in a process that was blocked. */
  readonly signal: AbortSignal;
  /** Gives it back. Once is enough. */
  release(): Promise<void>;
}

/** Limits how many are at work at once, in all processes together. */
export interface ConcurrencyLimiter {
  /** A slot; `undefined` where none is free. */
  tryAcquire(): Promise<Slot | undefined>;
  /**
   * Waits for a slot.
   * @throws RateLimitedError none became free in time
   */
  acquire(options?: AcquireOptions): Promise<Slot>;
  /**
   * Does some work while it holds a slot. The signal is the slot's.
   * @throws RateLimitedError none became free in time; the work was not begun
   */
  run<T>(work: (signal: AbortSignal) => T | Promise<T>, options?: AcquireOptions): Promise<T>;
}

/** Limits how much is started within a time, in all processes together. */
export interface RateLimiter {
  /** Counts one start; false, and nothing is counted, where there is no room. */
  tryAcquire(): Promise<boolean>;
  /**
   * Waits until one may start, and counts it.
   * @throws RateLimitedError there will be no room in time; told at once
   */
  acquire(options?: AcquireOptions): Promise<void>;
  /**
   * Does some work as soon as it may start.
   * @throws RateLimitedError there will be no room in time; the work was not begun
   */
  run<T>(work: () => T | Promise<T>, options?: AcquireOptions): Promise<T>;
}

/** How a limiter of concurrency is set: `limit` slots, 1 for a mutex; `lease` is how long one who died keeps his. */
export type ConcurrencyLimiterOptions = Pick<ConcurrencyLimit, "limit" | "lease">;

/** How a limiter of rates is set: `limit` starts in each span of `per`. */
export type RateLimiterOptions = Pick<RateLimit, "limit" | "per" | "kind">;

/** A limiter of concurrency: all that name the same key on a broker share it. Needs a broker with a state store. */
export function concurrencyLimiter(
  broker: Broker,
  key: string,
  options: ConcurrencyLimiterOptions,
): ConcurrencyLimiter {
  refuseUnknownOptions("concurrencyLimiter", options, ["limit", "lease"]);
  refuseFault(`concurrencyLimiter "${key}"`, concurrencyFault(options));
  const { limit, lease } = resolveConcurrency(options);
  return new SlotLimiter(contextOf(broker, key, "concurrencyLimiter", { concurrency: { limit, lease } }));
}

/** A limiter of rates: all that name the same key on a broker share it. Needs a broker with a state store. */
export function rateLimiter(broker: Broker, key: string, options: RateLimiterOptions): RateLimiter {
  refuseUnknownOptions("rateLimiter", options, ["limit", "per", "kind"]);
  refuseFault(`rateLimiter "${key}"`, rateFault(options));
  const { limit, per, kind } = resolveRate(options);
  return new StartLimiter(contextOf(broker, key, "rateLimiter", { rate: { limit, per, kind } }));
}

function refuseFault(owner: string, fault: string | undefined): void {
  if (fault !== undefined) throw new InvalidOptionError(`${owner}: ${fault}`);
}

/** What a limiter works with. */
interface LimiterContext {
  readonly key: string;
  readonly scope: LimitScope;
  readonly store: LimitStore;
  readonly clock: Clock;
}

function contextOf(
  broker: Broker,
  key: string,
  kind: string,
  limits: Pick<LimitScope, "concurrency" | "rate">,
): LimiterContext {
  if (typeof key !== "string" || key === "") throw new InvalidOptionError(`${kind}: its key must be a text.`);
  // No actor has a colon in its name.
  const scope = { name: `hand:${key}`, watched: true, reservation: defaults.limits.reservation, ...limits };
  return { key, scope, store: limitStoreOf(broker, `${kind} "${key}"`), clock: broker.clock ?? systemClock };
}

function readOptions(owner: string, { timeout, signal, ...others }: AcquireOptions) {
  refuseUnknownOptions(owner, others, ["timeout", "signal"]);
  return { timeout: duration('"timeout"', timeout) ?? 0, signal };
}

class SlotLimiter implements ConcurrencyLimiter {
  readonly #context: LimiterContext;
  readonly #keeper: SlotKeeper;

  constructor(context: LimiterContext) {
    this.#context = context;
    this.#keeper = new SlotKeeper(context.store, context.scope, context.clock);
  }

  async tryAcquire(): Promise<Slot | undefined> {
    const asked = await this.#ask();
    return typeof asked === "number" ? undefined : asked;
  }

  async acquire(options: AcquireOptions = {}): Promise<Slot> {
    const { timeout, signal } = readOptions("concurrencyLimiter.acquire", options);
    signal?.throwIfAborted();
    const asked = await this.#ask();
    if (typeof asked !== "number") return asked;
    if (timeout === 0) throw this.#refusal(asked);
    return this.#wait(timeout, signal);
  }

  async run<T>(work: (signal: AbortSignal) => T | Promise<T>, options?: AcquireOptions): Promise<T> {
    const slot = await this.acquire(options);
    try {
      return await work(slot.signal);
    } finally {
      // What the work came to counts; a slot that cannot be given back is free when its lease ends.
      await slot.release().catch(() => undefined);
    }
  }

  /** A slot, or the milliseconds until one may come free if nobody gives his back before. */
  async #ask(): Promise<Slot | number> {
    const { store, scope, clock, key } = this.#context;
    const place: Place = { token: randomUUID(), concurrencyKey: "" };
    const asked = clock.elapsed();
    const acquired = await store.acquire(scope, place);
    if (acquired.kind === "refused") return acquired.wait;
    return new HeldSlot(key, place, asked, this.#keeper, async () => void (await store.release(scope, place)));
  }

  async #wait(timeout: number, signal: AbortSignal | undefined): Promise<Slot> {
    const { store, scope, clock } = this.#context;
    const deadline = clock.elapsed() + timeout;
    const wakeup = new Wakeup(clock);
    const end = await store.watch(scope, wakeup.call);
    signal?.addEventListener("abort", wakeup.call);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const asked = await this.#ask();
        if (typeof asked !== "number") return asked;
        const left = deadline - clock.elapsed();
        if (left <= 0) throw this.#refusal(asked);
        await wakeup.wait(Math.min(left, asked));
      }
    } finally {
      signal?.removeEventListener("abort", wakeup.call);
      end();
    }
  }

  /** A slot may be given back long before its lease ends; but whoever is put back is not to come all the time. */
  #refusal(wait: number): RateLimitedError {
    const { concurrency } = this.#context.scope;
    return new RateLimitedError(this.#context.key, Math.min(wait, Math.ceil((concurrency?.lease ?? wait) / 3)));
  }
}

class HeldSlot implements Slot {
  readonly #controller = new AbortController();
  readonly #place: Place;
  readonly #keeper: SlotKeeper;
  readonly #giveBack: () => Promise<void>;
  #released: Promise<void> | undefined;

  constructor(key: string, place: Place, asked: number, keeper: SlotKeeper, giveBack: () => Promise<void>) {
    this.#place = place;
    this.#keeper = keeper;
    this.#giveBack = giveBack;
    keeper.add(place, asked, () => this.#controller.abort(new SlotLostError(key)));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  release(): Promise<void> {
    this.#keeper.remove(this.#place);
    this.#released ??= this.#giveBack();
    return this.#released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

class StartLimiter implements RateLimiter {
  readonly #context: LimiterContext;

  constructor(context: LimiterContext) {
    this.#context = context;
  }

  async tryAcquire(): Promise<boolean> {
    return (await this.#ask()) === 0;
  }

  async acquire(options: AcquireOptions = {}): Promise<void> {
    const { timeout, signal } = readOptions("rateLimiter.acquire", options);
    const { clock, key } = this.#context;
    const deadline = clock.elapsed() + timeout;
    const wakeup = new Wakeup(clock);
    signal?.addEventListener("abort", wakeup.call);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const wait = await this.#ask();
        if (wait === 0) return;
        // Nobody gives a start back: what is not free in time is known not to be.
        if (wait > deadline - clock.elapsed()) throw new RateLimitedError(key, wait);
        await wakeup.wait(wait);
      }
    } finally {
      signal?.removeEventListener("abort", wakeup.call);
    }
  }

  async run<T>(work: () => T | Promise<T>, options?: AcquireOptions): Promise<T> {
    await this.acquire(options);
    return work();
  }

  /** 0 where one may start, which is counted; else the milliseconds until there may be room. */
  async #ask(): Promise<number> {
    const { store, scope } = this.#context;
    const acquired = await store.acquire(scope, { token: randomUUID(), rateKey: "" });
    return acquired.kind === "refused" ? Math.max(1, acquired.wait) : 0;
  }
}
