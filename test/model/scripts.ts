/** What can be asked of a queue in Redis: its scripts, and the few plain commands beside them, with times in hours. */
import type { MaybePromise } from "../../runtime/support/maybe.js";
import type { Delayed, Message } from "./queue.js";
import type { KeysState } from "./redis-keys.js";

/** For how long a consumer's lease lasts. */
export const LEASE_HOURS = 2;
/** For how long dead letters are kept. */
export const DEAD_LETTER_HOURS = 3;
/** From how many crashes on a message is a suspect. */
export const SUSPECT_CRASHES = 2;

/** For how long a cancelled message is remembered: longer than anything lasts. */
export const CANCEL_HOURS = 1000;

/** A message in a consumer's hands. */
export interface Held {
  readonly consumer: string;
  readonly field: number;
}

export interface Take {
  readonly consumer: string;
  readonly want: number;
  /** The first sequence number. */
  readonly first: number;
  readonly call: "new" | "idle" | "";
  /** Fields, the oldest first. */
  readonly acks: readonly number[];
}

/** What `take` replies, its time in hours, its version counted from the first cancellation. */
export type TakeAnswer = readonly (string | number)[];

/** What a sweep finds: whether suspects wait, and the consumers to reap in both lanes, in alphabetical order. */
export type Swept = readonly [suspects: 0 | 1, gone: readonly string[], ofSuspects: readonly string[]];

/** Whether a consumer takes suspects, by its name. */
export const takesSuspects = (consumer: string): boolean => consumer.startsWith("s");

/** A queue as its scripts let it be used; the model and the server are both one. */
export interface QueueScripts {
  publish(message: Message): MaybePromise<void>;
  /** Messages of one priority that are sent in one go. */
  push(priority: number, bodies: readonly string[]): MaybePromise<void>;
  delay(messages: readonly Delayed[]): MaybePromise<void>;
  take(take: Take): MaybePromise<TakeAnswer>;
  /** What is found of each: 0 where it is dead, 2 where a consumer holds it, else 1. */
  cancel(ids: readonly string[]): MaybePromise<readonly number[]>;
  retry(held: Held, next: Delayed): MaybePromise<number>;
  reject(held: Held, id: string, letter: string): MaybePromise<number>;
  release(held: Held): MaybePromise<number>;
  reconcile(consumer: string, known: readonly number[]): MaybePromise<number>;
  leave(consumer: string): MaybePromise<number>;
  passOn(consumer: string): MaybePromise<number>;
  sweep(): MaybePromise<Swept>;
  reap(consumer: string): MaybePromise<number>;
  replay(id: string, message: Message): MaybePromise<number>;
  purge(): MaybePromise<void>;
  /** Time passes. */
  pass(hours: number): MaybePromise<void>;
  /** A key of the main lane is gone, as if somebody had deleted it. */
  lose(key: "leases" | "consumers"): MaybePromise<void>;
  /** A consumer hears what it is told from now on, or does so no longer. */
  listen(consumer: string, listening: boolean): MaybePromise<void>;
}

/** What a consumer was told: nothing but to take, or `<field> <body>` of a message that is handed over. */
export interface Word {
  readonly consumer: string;
  readonly text: string;
}

/** An order of words in which it does not matter who was told first. */
export function byConsumer(one: Word, other: Word): number {
  return one.consumer < other.consumer ? -1 : 1;
}

/** All keys of a queue, and what was told since they were last looked at, by consumer. */
export interface ScriptsState extends KeysState {
  readonly words: readonly Word[];
}
