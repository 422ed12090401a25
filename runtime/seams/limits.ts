/**
 * The seam to a store of limits: who has a place, who waits for one, and whose turn it is.
 *
 * A message that finds no place is *parked*: the store keeps it, and the queue forgets it. When a place comes free, the
 * first of those who wait for it is *called*: the place is kept for it for a while, and whoever asked the store at that
 * moment publishes it. It takes its place when it is delivered.
 */
import type { Broker, Publication } from "./broker.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import type { Concurrency, Rate } from "../vocabulary/limit-options.js";
import type { MaybePromise } from "../support/maybe.js";

/** What is limited together, an actor or what somebody named by hand: up to two limits, each with keys of its own. */
export interface LimitScope {
  readonly name: string;
  readonly concurrency?: Concurrency | undefined;
  readonly rate?: Rate | undefined;
  /** Whether those are to be told of freed slots who wait without a message. */
  readonly watched?: boolean;
  /** How long a place is kept for a message that was called, in milliseconds. */
  readonly reservation: number;
}

/** A place under a scope's limits: one of each that it has a key for. */
export interface Place {
  /** Names the holder; nobody else has it. Asking again with the same one takes no further place. */
  readonly token: string;
  readonly concurrencyKey?: string | undefined;
  readonly rateKey?: string | undefined;
}

/** A message that can wait for its place. */
export interface Waiting {
  readonly publication: Publication;
  /** Where in line it was when it was called; absent where it was not. */
  readonly turn?: number | undefined;
}

/** A message whose turn has come, to be published. */
export interface Call {
  readonly id: string;
  /** Tells this call from earlier and later ones of the same message. */
  readonly ticket: string;
  readonly turn: number;
  readonly publication: Publication;
}

/** What follows for those who wait. */
export interface Progress {
  /** Those whose turn has come: whoever gets this publishes them. */
  readonly calls: readonly Call[];
  /** Milliseconds until `advance` is worth asking again; absent where nobody waits. */
  readonly next?: number | undefined;
}

/** What came of asking for a place. */
export type Acquired =
  /** It has its place. */
  | ({ readonly kind: "placed" } & Progress)
  /** The store has the message now, or had it already. */
  | ({ readonly kind: "parked" } & Progress)
  /** There is no place, and one may come free after so many milliseconds, if not before. */
  | { readonly kind: "refused"; readonly wait: number };

/** Keeps limits. Everything that this seam promises is shown by `test/conformance`. */
export interface LimitStore {
  /**
   * Takes a place under all of the scope's limits, or under none. Where there is none, a message is parked; those who
   * wait already are not passed by. In one step; asking again with the same token changes nothing, but takes a further
   * token of a bucket, which remembers no more than its level.
   */
  acquire(scope: LimitScope, place: Place, waiting?: Waiting): Promise<Acquired>;
  /** Keeps slots of a limit of concurrency for another lease; returns the tokens of those that are gone. */
  renew(scope: LimitScope, places: readonly Place[]): Promise<readonly string[]>;
  /** Gives a slot back. One that is gone is none to give: then nothing happens. */
  release(scope: LimitScope, place: Place): Promise<Progress>;
  /**
   * Calls those whose turn has come by time alone: a window has room, a holder is dead, a call went unheard. `anew`: the
   * limits may be others than those under which they were told to wait.
   */
  advance(scope: LimitScope, options?: { readonly anew?: boolean }): Promise<Progress>;
  /** A message that was called has ended without its place: what is kept for it is for the next one. */
  decline(scope: LimitScope, id: string, place: Place): Promise<Progress>;
  /** Says that called messages are in their queues: the store forgets them. Those called anew since then stay. */
  published(scope: LimitScope, calls: readonly Call[]): Promise<void>;
  /** How many messages wait for a place under the limits of a scope of this name. */
  parked(name: string): Promise<number>;
  /**
   * Says that these scopes are seen to. Resolves to those in which messages wait although nobody has said so for as many
   * milliseconds: the actor was removed or renamed, or none of its workers runs.
   */
  attend(names: readonly string[], patience: number): Promise<readonly string[]>;
  /** Calls back whenever a slot of a watched scope is given back; returns how to end that. For those who wait without a message. */
  watch(scope: LimitScope, freed: () => void): MaybePromise<() => void>;
}

/** The broker's store of limits. Refuses a broker that has none, and says who needs it. */
export function limitStoreOf(broker: Broker, user: string): LimitStore {
  const store = broker.state?.limits;
  if (store !== undefined) return store;
  throw new InvalidOptionError(
    `${user} needs a state store, and ${broker.name} has none: rabbitmqBroker(url, { state: redisState(url) }).`,
  );
}

/** The line of the messages that wait for a place of one key: of a limit of concurrency (`c`) or of rate (`r`). */
export type Line = `${"c" | "r"}:${string}`;

/** The lines in which a place is taken. */
export function linesOf({ concurrencyKey, rateKey }: Place): readonly Line[] {
  const lines: Line[] = [];
  if (concurrencyKey !== undefined) lines.push(`c:${concurrencyKey}`);
  if (rateKey !== undefined) lines.push(`r:${rateKey}`);
  return lines;
}

/**
 * Where a message stands in its line, the least first: by priority, then by the time at which it came. A whole number
 * below 10¹⁴.
 */
export function turnOf(priority: number, time: number): number {
  return (9 - priority) * 1e13 + time;
}
