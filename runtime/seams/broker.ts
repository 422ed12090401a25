/** The seam to a broker: how messages go in, how they come out, and how each that came out is settled. */
import type { Clock } from "../support/clock.js";
import type { Claims } from "./claims.js";
import type { Failure } from "../wire/envelope.js";
import type { LeaseLostError, RemoteError, DeadReason } from "../vocabulary/errors.js";
import type { MaybePromise } from "../support/maybe.js";
import type { Operations } from "./operations.js";
import type { ResultStore } from "./results.js";
import type { StateStore } from "./state.js";

/** A message on its way into a queue. */
export interface Publication {
  readonly id: string;
  readonly queue: string;
  /** 0 to 9, higher first. */
  readonly priority: number;
  /** Milliseconds to hold it back, by the broker's clock; 0 for none. */
  readonly delay: number;
  /** The envelope's bytes. The broker never reads them. */
  readonly body: string;
}

/** Moves messages. Everything that this seam promises is shown by `test/conformance`. */
export interface Broker {
  /** For people: the kind and where it is, never a password. */
  readonly name: string;
  readonly results: ResultStore;
  readonly deadLetters: DeadLetters;
  /** Messages that claim keys; absent where the broker has no store for that and none was named. */
  readonly claims?: Claims | undefined;
  /** What processes share beside the messages; absent where the broker has no store for it and none was named. */
  readonly state?: StateStore | undefined;
  /** What clients and workers on it measure time with, where a test moves it. Absent: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** What an operator can ask; absent where nothing can be told. */
  readonly operations?: Operations | undefined;
  /** Milliseconds since 1970 by the broker's clock; by the machine's where the broker tells none. */
  now(): MaybePromise<number>;
  /** Resolves when the broker has all of the messages. Rejects with `BrokerUnavailableError` or `BrokerRefusedError`. */
  publish(messages: readonly Publication[]): Promise<void>;
  /** Begins to take messages from a queue, and goes on through every loss of connection until it is closed. */
  consume(queue: string, options: ConsumeOptions): Consumer;
  /** Ends all connections. What consumers still hold goes to other workers when its lease ends. */
  close(): Promise<void>;
}

/** What a consumer works with. */
export interface ConsumeOptions {
  /** How many messages may be held: the consumer reserves before it takes. */
  readonly slots: Slots;
  /** Receives each message. Its slot belongs to the receiver until it gives it back. */
  readonly deliver: (delivery: Delivery) => void;
  /** Tells that deliveries are no longer held: other workers have them, and settling them is refused. */
  readonly lost: (deliveries: readonly Delivery[], reason: LeaseLostError) => void;
  /** Hears of trouble that the consumer deals with by itself, once for each change. */
  readonly notice: (level: "info" | "warn" | "error", message: string, error?: Error) => void;
}

/** Room for messages, shared by the consumers of one worker. */
export interface Slots {
  /** How many messages are handled at once: what a broker that pushes messages may send before some are settled. */
  readonly concurrency: number;
  /** Takes up to `most` slots; returns how many it got. */
  reserve(most: number): number;
  /** Gives slots back. */
  free(count: number): void;
}

/** Takes messages from one queue. */
export interface Consumer {
  /** Says that slots have become free. */
  pull(): void;
  /** Whether it is really fetching: connected, and the last fetch came back. */
  readonly healthy: boolean;
  /** Takes no more messages. What was delivered stays held and can be settled. */
  stop(): Promise<void>;
  /** Ends it. What is still held is given back at once. */
  close(): Promise<void>;
}

/**
 * One message in a worker's hands. Exactly one of its methods is called, once. Each resolves when the broker knows,
 * and rejects with `LeaseLostError` when the message is no longer held: then nothing has happened to it.
 */
export interface Delivery {
  readonly queue: string;
  readonly priority: number;
  readonly body: string;
  /** It is done: forget it. */
  ack(): Promise<void>;
  /** It is done: keep its answer as `results.put` does and forget it, in one step. Absent where the broker has none. */
  answer?(answer: Answer): Promise<void>;
  /** Puts its next attempt in its place; in one step where the broker can. `error`: how this attempt failed, if it did. */
  retry(next: Publication, error?: RemoteError): Promise<void>;
  /** Moves it to the dead letters. */
  reject(letter: DeadLetterInit): Promise<void>;
  /** Gives it back untouched, to be taken next. */
  release(): Promise<void>;
}

/** What a message answers, on its way into the broker's result store. */
export interface Answer {
  /** The message's id. */
  readonly id: string;
  /** The stored result, as JSON. */
  readonly json: string;
  /** How long it is kept, in milliseconds. */
  readonly ttl: number;
  /** Where its caller said that it listens. */
  readonly reply: string | undefined;
}

/** What dispatch knows of a message that is dead. */
export interface DeadLetterInit {
  /** The message's id; one of the dead letter's own where the message could not be read. */
  readonly id: string;
  /** Absent where the message could not be read. */
  readonly actor?: string | undefined;
  readonly queue: string;
  readonly priority: number;
  readonly reason: DeadReason;
  /** The last error, with a bounded stack. */
  readonly error: RemoteError;
  /** How many attempts were made. */
  readonly attempts: number;
  /** How they failed, the oldest first; of more than 20 the first one and the newest. Texts are shortened. */
  readonly failures?: readonly Failure[] | undefined;
  /** When it was sent: milliseconds since 1970 by the sender's clock. */
  readonly sentAt?: number | undefined;
  /** The message as it was delivered, byte for byte. */
  readonly body: string;
}

/** A message that nobody could handle, and why. */
export interface DeadLetter extends DeadLetterInit {
  /** When it died: milliseconds since 1970 by the broker's clock. */
  readonly diedAt: number;
}

/** Which dead letters are meant: all of a queue's where nothing is said. */
export interface DeadLetterFilter {
  readonly ids?: readonly string[] | undefined;
  readonly actor?: string | undefined;
  readonly reason?: DeadReason | undefined;
  /** Died before then, or not before then: milliseconds since 1970 by the broker's clock. */
  readonly diedBefore?: number | undefined;
  readonly diedSince?: number | undefined;
  /** No more than this, the newest. */
  readonly limit?: number | undefined;
}

/** What is to become of a dead letter. */
export type DeadLetterFate = "keep" | "replay" | "remove";

/** The dead letters of each queue. They expire after `deadLetterTtl`. */
export interface DeadLetters {
  /** The newest first; 100 where no limit is given. */
  list(queue: string, filter?: DeadLetterFilter): Promise<readonly DeadLetter[]>;
  /** Puts a dead letter back into its queue as a first attempt with the same id and input. False if there is none of that id. */
  replay(queue: string, id: string): Promise<boolean>;
  /**
   * Asks of each dead letter what is to become of it, and does that. Resolves with how many were put back and removed:
   * fewer than were asked for where somebody else was quicker.
   */
  settle(
    queue: string,
    filter: DeadLetterFilter,
    decide: (letter: DeadLetter) => MaybePromise<DeadLetterFate>,
  ): Promise<{ readonly replayed: number; readonly removed: number }>;
  /** Removes all dead letters of a queue, also those that cannot be read; returns how many. */
  purge(queue: string): Promise<number>;
}
