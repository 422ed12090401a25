/** The seam to claims: messages that are sent only where no other has their key, each key counting in one queue. */
import type { Broker, Publication } from "./broker.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import type { SendingNote } from "../wire/envelope.js";

/** What a message claims: a key of its queue, which no other message has while the claim lasts. */
export interface Claim {
  readonly key: string;
  /** How long it lasts where it is not given up before: milliseconds, by the broker's clock. */
  readonly ttl: number;
  /**
   * From whom the key may be taken: from nobody who has it; from anybody, whose message will then not run any more; or
   * from a message whose number is lower, and then it stays taken whatever comes of the other claims.
   */
  readonly from: "nobody" | "anybody" | { readonly below: number };
  /** Which sending it is that claims; only where the broker marks them. */
  readonly mark?: string;
}

/** What came of a claim. */
export interface Claimed {
  /** The message that has the keys: the one that was to be sent, or the one that is in its way. */
  readonly id: string;
  /** Whether it was sent. False as well where it had been sent before. */
  readonly sent: boolean;
}

/**
 * What a message is to do that reached a worker: it runs; or another sending of its id does, as its first sender died; or
 * another message stands for it.
 */
export type Meeting = "runs" | "copy" | "replaced";

/** Sends messages that claim keys. Everything that this seam promises is shown by `test/conformance`. */
export interface Claims {
  /** Sends a message that gets every key that it claims, in one step; where another message has one, nothing is sent. */
  publish(message: Publication, claims: readonly Claim[]): Promise<Claimed>;
  /** Whether another message has taken the place of this one, which is then not to run. */
  replaced(queue: string, id: string): Promise<boolean>;
  /** Gives up what a message still has of these keys; what others have by now stays theirs. */
  free(queue: string, id: string, keys: readonly string[]): Promise<void>;
  /** Whether sendings are marked: two of one id or of one key may be in the queue where a sender died. */
  readonly marks?: boolean;
  /**
   * What becomes of a message that reached a worker, where sendings are marked. One that runs has its keys from then on,
   * whatever became of its sender; of several that ask for a key, that is the first.
   */
  meet?(queue: string, id: string, sending: SendingNote): Promise<Meeting>;
}

/** A message whose keys are claimed, while it is sent elsewhere. */
export interface Sending extends Pick<Publication, "id" | "queue" | "delay"> {
  readonly mark: string;
}

/** What came of the first step. */
export type Begun =
  | { readonly state: "claimed" }
  | { readonly state: "taken"; readonly id: string }
  /** Another sending has a key and is not confirmed: `left` are the milliseconds until it may be taken if it never is. */
  | { readonly state: "pending"; readonly left: number };

/** Keeps claims for a broker that has no store of its own, in two steps. */
export interface ClaimStore extends Pick<Claims, "replaced" | "free">, Required<Pick<Claims, "meet">> {
  /** Claims all of the keys, for `pending` milliseconds at most; or none. */
  begin(sending: Sending, claims: readonly Claim[], pending: number): Promise<Begun>;
  /**
   * The message was sent: its claims last as long as they say. Resolves to the id of the message that stands for it: its
   * own, unless it took so long that another has taken its place.
   */
  confirm(sending: Sending, claims: readonly Claim[]): Promise<string>;
  /** The message was not sent: those who had the keys have them again. */
  withdraw(sending: Sending, claims: readonly Claim[]): Promise<void>;
}

/** What the sendings of one id claim. */
export function copyKey(id: string): string {
  return `copy:${id}`;
}

/** A broker's claims. Throws where it has none; `what` needs them. */
export function claimsOf({ name, claims }: Broker, what: string): Claims {
  if (claims !== undefined) return claims;
  throw new InvalidOptionError(
    `${what} needs a store, and ${name} has none: give it one, rabbitmqBroker(url, { state: redisState(redisUrl) }).`,
  );
}
