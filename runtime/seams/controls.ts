/** The seam to what is known of single messages beside the queue: that they are cancelled, how they stand, how far they are. */
import type { Broker } from "./broker.js";
import { InvalidOptionError, type DeadReason, type RemoteError } from "../vocabulary/errors.js";
import type { MaybePromise } from "../support/maybe.js";

/** A message that is to be cancelled. */
export interface ToCancel {
  readonly id: string;
  /** How long it is remembered, in milliseconds: longer than the message can wait. */
  readonly keep: number;
}

/**
 * What a queue knew of a message that was cancelled.
 *
 * - `waiting`: no worker has it, and none will run it.
 * - `held`: a worker has it. That worker is told, and no other will run it.
 * - `unknown`: the store does not know who has it. Whoever does is told, and nobody else will run it.
 * - `dead`: it is in the dead letters; nothing was done.
 */
export type Found = "waiting" | "held" | "unknown" | "dead";

/** An attempt that runs, as long as it can be cancelled. */
export interface Cancellable {
  readonly id: string;
  readonly cancel: () => void;
}

/** What a worker knows of the cancelled messages of one queue. */
export interface Cancellations {
  /**
   * Whether a message is cancelled that was just taken. Whatever was cancelled before it was taken is known. At once
   * where the broker sees to that with each fetch.
   */
  has(id: string): MaybePromise<boolean>;
  /** A cancelled message was met. Whether it still is cancelled; if so, it is soon forgotten. */
  met(id: string): Promise<boolean>;
  /** Attempts that run: each is told when its message is cancelled. */
  readonly running: Set<Cancellable>;
}

/** How a message stands, as it is recorded. Times are milliseconds since 1970 by the broker's clock. */
export type StatusRecord =
  | { readonly state: "waiting"; readonly due?: number }
  | {
      readonly state: "running";
      readonly since: number;
      readonly attempt: number;
      readonly worker: { readonly host: string; readonly pid: number };
    }
  | { readonly state: "retrying"; readonly attempt: number; readonly error: RemoteError; readonly due: number }
  | { readonly state: "done" }
  | { readonly state: "dead"; readonly reason: DeadReason; readonly error: RemoteError }
  | { readonly state: "cancelled" };

/** What a handler told of its progress last. */
export interface ProgressRecord {
  readonly attempt: number;
  /** How many were told before in this attempt. */
  readonly n: number;
  readonly value: unknown;
  readonly encoding?: string;
}

/** What is recorded of a message. */
export interface MessageRecord {
  readonly status?: StatusRecord;
  readonly progress?: ProgressRecord;
}

/** How a status is recorded: what was found at the sending is told to nobody. */
export type TrackOptions = {
  /** How long it is kept, in milliseconds. */
  readonly ttl: number;
} & (
  | {
      /** Whether those who follow the message's progress are told. */
      readonly tell?: boolean;
      readonly first?: never;
    }
  | {
      /** Only where nothing is recorded yet: what was found at the sending must not hide what came of it. */
      readonly first: true;
      readonly tell?: never;
    }
);

/** Keeps what is known of single messages. Everything that this seam promises is shown by `test/conformance/control.ts`. */
export interface ControlStore {
  /** Cancels messages of a queue, and tells the workers that have them; what was found of each. */
  cancel(queue: string, messages: readonly ToCancel[]): Promise<readonly Found[]>;
  /** Takes it back, for messages that turned out to have ended before. */
  restore(queue: string, ids: readonly string[]): Promise<void>;
  /** What is cancelled in a queue. */
  cancelled(queue: string): Cancellations;
  /** Records how a message stands. What is recorded of one message by one process is recorded in its order. */
  track(id: string, status: StatusRecord, options: TrackOptions): Promise<void>;
  /** Records how far a message is, for `ttl` milliseconds, and tells those who follow it. */
  report(id: string, progress: ProgressRecord, ttl: number): Promise<void>;
  /** What is recorded of a message. */
  read(id: string): Promise<MessageRecord>;
  /** Hears what is told of a message from now on, until what it resolves to is called; `unsure`: something may have been missed. */
  follow(id: string, news: (record: MessageRecord) => void, unsure: () => void): Promise<() => void>;
}

/** Whether nothing follows this state. */
export function isOver({ state }: StatusRecord): boolean {
  return state === "done" || state === "dead" || state === "cancelled";
}

/** The store that an actor needs which is tracked; `undefined` for one that is not. Throws where the broker has none. */
export function trackingOf(broker: Broker, { name, tracked, progress }: TrackedActor): ControlStore | undefined {
  if (!tracked) return undefined;
  return controlsOf(broker, `${name}: "${progress === undefined ? "track" : "progress"}"`);
}

/** An actor, as far as it concerns what is recorded of its messages. */
interface TrackedActor {
  readonly name: string;
  readonly tracked: boolean;
  readonly progress: unknown;
}

/** A broker's store of what is known of single messages. Throws where it has none; `what` needs it. */
export function controlsOf({ name, state }: Broker, what: string): ControlStore {
  if (state !== undefined) return state.controls;
  throw new InvalidOptionError(
    `${what} needs a state store, and ${name} has none: give it one, rabbitmqBroker(url, { state: redisState(redisUrl) }).`,
  );
}
