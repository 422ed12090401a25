/** Reads what a contract says of limits: completes it with the defaults, and says what is wrong with it. */
import type { ActorOptions, ConcurrencyLimit, RateLimit } from "./contract.js";
import { defaults } from "./defaults.js";
import { parseDuration } from "./duration.js";
import { faultOf, type MemberRule as Rule } from "./member-rules.js";

/** Shorter, a renewal that is a little late would cost a slot. In milliseconds. */
const SHORTEST_LEASE = 1000;
/** What a limiter of rates counts in, in milliseconds. */
const SHORTEST_SPAN = 1;

/** How many may be at work at once. */
export interface Concurrency {
  readonly limit: number;
  /** How long a slot is kept without a renewal, in milliseconds. */
  readonly lease: number;
}

/** How many may start within a time. */
export interface Rate {
  readonly limit: number;
  /** Milliseconds. */
  readonly per: number;
  readonly kind: "window" | "bucket";
}

/** What a limit of an actor is counted by: one key for all where there is no function. */
interface Keyed {
  readonly key: ((input: unknown) => unknown) | undefined;
}

/** The limits of an actor, with nothing left open. */
export interface ActorLimits {
  readonly concurrency: (Concurrency & Keyed) | undefined;
  readonly rate: (Rate & Keyed) | undefined;
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1;
const isFunction = (value: unknown) => typeof value === "function";
const atLeast = (least: number) => (value: unknown) => (parseDuration(value) ?? 0) >= least;

const limit: Rule = { check: isCount, expected: "a whole number, 1 or more" };
const key: Rule = { check: isFunction, expected: "a function of the validated input" };
const lease: Rule = { check: atLeast(SHORTEST_LEASE), expected: 'a duration of one second or more, such as "15s"' };
const per: Rule = { check: atLeast(SHORTEST_SPAN), expected: 'a duration of one millisecond or more, such as "1m"' };
const kind: Rule = { check: (value) => value === "window" || value === "bucket", expected: '"window" or "bucket"' };

const concurrencyRules: Readonly<Record<keyof ConcurrencyLimit, Rule>> = { limit, key, lease };
const rateRules: Readonly<Record<keyof RateLimit, Rule>> = { limit, per, kind, key };

/** What is wrong with a limit of concurrency, in a sentence; `undefined` when nothing is. */
export function concurrencyFault(value: unknown): string | undefined {
  return faultOf(typeof value === "number" ? { limit: value } : (value as object), concurrencyRules, ["limit"]);
}

/** What is wrong with a limit of rate, in a sentence; `undefined` when nothing is. */
export function rateFault(value: unknown): string | undefined {
  return faultOf(value as object, rateRules, ["limit", "per"]);
}

/** The limits of an actor; `undefined` where it has none. They must have passed `checkOptions`. */
export function resolveLimits({ concurrencyLimit, rateLimit }: ActorOptions): ActorLimits | undefined {
  if (concurrencyLimit === undefined && rateLimit === undefined) return undefined;
  return {
    concurrency: concurrencyLimit === undefined ? undefined : resolveConcurrency(concurrencyLimit),
    rate: rateLimit === undefined ? undefined : resolveRate(rateLimit),
  };
}

/** A limit of concurrency, completed. */
export function resolveConcurrency(given: number | ConcurrencyLimit): Concurrency & Keyed {
  if (typeof given === "number") return { limit: given, lease: defaults.limits.lease, key: undefined };
  return { limit: given.limit, lease: parseDuration(given.lease) ?? defaults.limits.lease, key: given.key };
}

/** A limit of rate, completed. */
export function resolveRate(given: RateLimit): Rate & Keyed {
  return { limit: given.limit, per: parseDuration(given.per) ?? 0, kind: given.kind ?? "window", key: given.key };
}
