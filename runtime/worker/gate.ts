/** Where the messages of a limited actor enter and leave: takes their places, keeps them, gives them back. */
import { randomUUID } from "node:crypto";
import type { Actor } from "../actor.js";
import { defaults } from "../vocabulary/defaults.js";
import { InvalidKeyError, SlotLostError } from "../vocabulary/errors.js";
import { keyOf } from "../vocabulary/key.js";
import type { ActorLimits } from "../vocabulary/limit-options.js";
import { limitStoreOf, type Acquired, type LimitScope, type LimitStore, type Place } from "../seams/limits.js";
import { SlotKeeper } from "../limiters/slot-keeper.js";
import type { Seal } from "../wire/seal.js";
import type { Outcome } from "./outcome.js";
import { Adopter } from "./adopter.js";
import { readInput } from "./middleware/input.js";
import { isOver, whileUnavailable } from "./patience.js";
import { Promoter, type PromoterContext } from "./promoter.js";
import type { RunningTask } from "./task.js";

/** The scope of an actor's limits. */
function scopeOf({ name, limits }: Actor): LimitScope {
  const { concurrency, rate } = limits ?? {};
  return { name, concurrency, rate, reservation: defaults.limits.reservation };
}

/** What gates work with. */
export interface GateContext extends PromoterContext {
  readonly seal: Seal | undefined;
}

export class Gate {
  readonly #actor: Actor;
  readonly #limits: ActorLimits;
  readonly #scope: LimitScope;
  readonly #store: LimitStore;
  readonly #keeper: SlotKeeper;
  readonly #promoter: Promoter;
  readonly #context: GateContext;

  constructor(actor: Actor, limits: ActorLimits, store: LimitStore, context: GateContext) {
    this.#actor = actor;
    this.#limits = limits;
    this.#scope = scopeOf(actor);
    this.#store = store;
    this.#keeper = new SlotKeeper(store, this.#scope, context.clock);
    this.#promoter = new Promoter(store, this.#scope, defaults.limits.sweepInterval, context);
    this.#context = context;
  }

  /** What a message with this input needs a place of. Throws `InvalidKeyError`. */
  placeOf(input: unknown): Place {
    const { concurrency, rate } = this.#limits;
    return {
      token: randomUUID(),
      concurrencyKey: concurrency && this.#keyOf("concurrencyLimit", concurrency.key, input),
      rateKey: rate && this.#keyOf("rateLimit", rate.key, input),
    };
  }

  #keyOf(limit: "concurrencyLimit" | "rateLimit", key: ((input: unknown) => unknown) | undefined, input: unknown) {
    if (key === undefined) return "";
    const found = keyOf(key, input);
    if (found.fault === undefined) return found.text;
    throw new InvalidKeyError(this.#actor.name, limit, found.fault, found.cause);
  }

  /** Takes the place. Where there is none, or the task is over, tells what becomes of its message instead. */
  async enter(task: RunningTask, place: Place): Promise<Outcome | undefined> {
    task.hasEntered = true;
    const { id, turn } = task.envelope;
    const { queue, priority, body } = task.delivery;
    const { clock } = this.#context;
    const waiting = { publication: { id, queue, priority, delay: 0, body }, turn };
    let asked = 0;
    const ask = async (): Promise<Acquired | undefined> => {
      // Others may have the message of a worker that stalled: it is not to be parked beside theirs.
      if (isOver(task)) return undefined;
      asked = clock.elapsed();
      return this.#store.acquire(this.#scope, place, waiting);
    };
    const acquired = await whileUnavailable(clock, task, ask, (error) =>
      task.log.warn({ err: error }, "its limits cannot be asked for a place yet; trying again"),
    );
    if (acquired === undefined) return { kind: "release" };
    if (acquired.kind === "placed" && place.concurrencyKey !== undefined) {
      this.#keeper.add(place, asked, () => task.abort(new SlotLostError(this.#actor.name)));
    }
    if (acquired.kind !== "refused") await this.#promoter.take(acquired);
    // The store has it, and brings it back to the queue when its turn has come.
    return acquired.kind === "placed" ? undefined : { kind: "taken" };
  }

  /** Gives the place back, and sees to those who wait for it. Never rejects: what is not given back ends with its lease. */
  async leave(place: Place): Promise<void> {
    if (place.concurrencyKey === undefined) return;
    this.#keeper.remove(place);
    try {
      await this.#promoter.take(await this.#store.release(this.#scope, place));
    } catch (error) {
      const fields = { actor: this.#actor.name, err: error };
      this.#context.logger.warn(fields, "a slot could not be given back: it is free when its lease ends");
    }
  }

  /**
   * A message that was called has ended before it asked for its place, as one that was cancelled: the next one is called.
   * Where that fails, what is kept for it is free when its time is over.
   */
  async decline({ actor, envelope }: RunningTask): Promise<void> {
    const read = await readInput(actor, envelope, this.#context.seal);
    if (!read.ok) return;
    const declined = this.#store.decline(this.#scope, envelope.id, this.placeOf(read.value));
    await this.#promoter.take(await declined);
  }

  start(): void {
    this.#promoter.start();
  }

  /** What is not given back by now ends with its lease. */
  stop(): Promise<void> {
    this.#keeper.stop();
    return this.#promoter.stop();
  }
}

/** The gates of a worker's actors. */
export class Gates {
  readonly #context: GateContext;
  readonly #gates = new Map<string, Gate>();
  /** See to what was parked for an actor before its limits were taken off its contract. */
  readonly #remainders = new Map<string, Promoter>();
  /** The turns that are on their way to the next message. */
  readonly #declining = new Set<Promise<void>>();
  /** Sees to what was parked for an actor that is in nobody's contracts any more. */
  readonly #adopter: Adopter | undefined;

  constructor(context: GateContext) {
    this.#context = context;
    const store = context.broker.state?.limits;
    this.#adopter = store === undefined ? undefined : new Adopter(store, context);
  }

  /** The gate of an actor; none where nothing limits it. Throws where its limits have no store. */
  of(actor: Actor): Gate | undefined {
    const known = this.#gates.get(actor.name);
    if (known !== undefined) return known;
    if (actor.limits === undefined) {
      this.#watchRemainder(actor);
      return undefined;
    }
    const store = limitStoreOf(this.#context.broker, `The ${namesOf(actor.limits)} of ${actor.name}`);
    const gate = new Gate(actor, actor.limits, store, this.#context);
    this.#gates.set(actor.name, gate);
    return gate;
  }

  /** Leaves the turn of a message to the next one, while its outcome is on its way to the broker. */
  decline(task: RunningTask): void {
    const gate = this.of(task.actor);
    if (gate === undefined) return;
    const declining = gate
      .decline(task)
      .catch((error: unknown) => task.log.warn({ err: error }, "its place is kept for a while, although it has ended"))
      .finally(() => this.#declining.delete(declining));
    this.#declining.add(declining);
  }

  /** Resolves when no turn is on its way to the next message. */
  async settled(): Promise<void> {
    await Promise.all(this.#declining);
  }

  #watchRemainder(actor: Actor): void {
    const store = this.#context.broker.state?.limits;
    if (store === undefined || this.#remainders.has(actor.name)) return;
    const interval = defaults.limits.remainderInterval;
    this.#remainders.set(actor.name, new Promoter(store, scopeOf(actor), interval, this.#context));
  }

  start(): void {
    for (const each of [...this.#gates.values(), ...this.#remainders.values()]) each.start();
    this.#adopter?.start([...this.#gates.keys(), ...this.#remainders.keys()]);
  }

  async stop(): Promise<void> {
    const all = [...this.#gates.values(), ...this.#remainders.values()];
    await Promise.all([...all.map((each) => each.stop()), this.#adopter?.stop()]);
  }
}

function namesOf({ concurrency, rate }: ActorLimits): string {
  if (rate === undefined) return '"concurrencyLimit"';
  return concurrency === undefined ? '"rateLimit"' : '"concurrencyLimit" and "rateLimit"';
}
