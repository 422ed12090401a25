/** An actor as both sides know it: its contract with its name, its fingerprint, its complete options and its validators. */
import {
  isContract,
  type ActorOptions,
  type Contract,
  type ErrorClass,
  type Signature,
} from "./vocabulary/contract.js";
import { InvalidOptionError } from "./vocabulary/errors.js";
import { resolveLimits, type ActorLimits } from "./vocabulary/limit-options.js";
import { checkOptions, resolveOptions, type ResolvedOptions } from "./vocabulary/options.js";
import { resolveSchedules, type Schedule } from "./vocabulary/schedule-options.js";
import { createValidator, type Validator } from "./schema.js";
import { resolveUnique, type Unique } from "./vocabulary/unique.js";

declare const signature: unique symbol;

/** A contract that has a name. Generated code makes one constant for each actor. */
export interface Actor<S extends Signature = Signature> {
  /** The name on the wire: `payments.processPayment`. */
  readonly name: string;
  /** A short hash of what travels: it changes when the wire side of the contract does. */
  readonly fingerprint: string;
  readonly options: ResolvedOptions;
  readonly input: Validator;
  /** What decides on a message's partition; absent where each has its turn. */
  readonly partitionKey: ((input: unknown) => unknown) | undefined;
  /** Whether a failed attempt is followed by another one; absent where `maxRetries` alone decides. */
  readonly retryWhen: ((error: unknown, attempt: number) => boolean) | undefined;
  /** What is never retried. */
  readonly throws: readonly ErrorClass[];
  /** The contract of the actor that hears of exhausted retries. */
  readonly onRetryExhausted: ActorOptions["onRetryExhausted"];
  /** Absent where nothing limits it. */
  readonly limits: ActorLimits | undefined;
  /** When its messages are sent by themselves. */
  readonly schedules: readonly Schedule[];
  /** Which of its messages count as one; absent where none do. */
  readonly unique: Unique | undefined;
  /** Absent for fire and forget. */
  readonly output: Validator | undefined;
  /** Whether it is recorded how its messages stand. */
  readonly tracked: boolean;
  /** Absent where its handler tells nothing of its progress. */
  readonly progress: Validator | undefined;
  /** Carries the types only; there is no such property at run time. */
  readonly [signature]?: S;
}

/** What a producer sends to an actor. */
export type InputOf<A> = A extends Actor<infer S> ? S["input"] : never;
/** What a caller receives from an actor; `void` for fire and forget. */
export type OutputOf<A> = A extends Actor<infer S> ? (S extends { readonly output: infer O } ? O : void) : never;
/** What an actor's handler receives: the input with defaults and transforms applied. */
export type ReceivedOf<A> =
  A extends Actor<infer S> ? (S extends { readonly received: infer R } ? R : S["input"]) : never;
/** What an actor's handler returns; `unknown` for fire and forget, where it is ignored. */
export type ReturnedOf<A> =
  A extends Actor<infer S>
    ? S extends { readonly returned: infer R }
      ? R
      : S extends { readonly output: infer O }
        ? O
        : unknown
    : never;

/** What a caller learns of an actor's progress; `never` where there is none. */
export type ProgressOf<A> = A extends Actor<infer S> ? (S extends { readonly progress: infer P } ? P : never) : never;
/** What an actor's handler tells of its progress; `never` where there is none. */
export type ReportedOf<A> =
  A extends Actor<infer S> ? (S extends { readonly reported: infer R } ? R : ProgressOf<A>) : never;
/** Whether it is recorded how an actor's messages stand. */
export type IsTracked<A> =
  A extends Actor<infer S>
    ? S extends { readonly tracked: true } | { readonly progress: unknown }
      ? true
      : false
    : false;

/** What generated code knows of an actor beside its contract. */
export interface ActorIdentity {
  readonly name: string;
  readonly fingerprint: string;
  /** The input holds types that JSON lacks (Date, bigint, Map, Set, Uint8Array). */
  readonly taggedInput?: true;
  /** The output holds such types. */
  readonly taggedOutput?: true;
  /** The progress holds such types. */
  readonly taggedProgress?: true;
}

/** The actors that contracts became. */
const named = new WeakMap<object, Actor>();

/** The actor that a contract became; `undefined` for one that generated code has not named, as no file exports it. */
export function actorOfContract(contract: object): Actor | undefined {
  return named.get(contract);
}

/** Gives a contract its name. Called by generated code. */
export function defineActor<S extends Signature>(contract: Contract, identity: ActorIdentity): Actor<S> {
  if (!isContract(contract)) {
    throw new InvalidOptionError(
      `${identity.name} is no contract: generated code and contracts differ. Run "callboard gen".`,
    );
  }
  const issues = checkOptions(contract.options);
  if (issues.length > 0) {
    throw new InvalidOptionError(`${identity.name}: ${issues.map(({ message }) => message).join(" ")}`);
  }
  const { input, output, progress, track } = contract.options;
  const actor: Actor<S> = {
    name: identity.name,
    fingerprint: identity.fingerprint,
    options: resolveOptions(contract.options),
    partitionKey: contract.options.partitionKey,
    retryWhen: contract.options.retryWhen,
    throws: contract.options.throws ?? [],
    onRetryExhausted: contract.options.onRetryExhausted,
    limits: resolveLimits(contract.options),
    schedules: resolveSchedules(identity.name, contract.options.schedule),
    unique: resolveUnique(contract.options.unique),
    input: createValidator(input, identity.taggedInput === true),
    output: output === undefined ? undefined : createValidator(output, identity.taggedOutput === true),
    tracked: track === true || progress !== undefined,
    progress: progress === undefined ? undefined : createValidator(progress, identity.taggedProgress === true),
  };
  named.set(contract, actor);
  return actor;
}
