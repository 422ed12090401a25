/** What the model's runs at the seam need of a broker: a backend of its own, whose contents can be read. */
import type { Broker, Consumer, DeadLetter } from "../../runtime/seams/broker.js";
import { decodeEnvelope } from "../../runtime/wire/envelope.js";
import type { QueueState, SameHour } from "./queue.js";

/** The queue that all runs use. */
export const QUEUE = "work";
/** For how long dead letters are kept: a week, as by default. */
export const DEAD_LETTER_HOURS = 7 * 24;

/** What a queue holds, in words: brokers write a message's crashes in different places. */
export interface SeamState {
  /** The lines that are not empty, by priority; the next message is first. */
  readonly ready: Readonly<Record<string, readonly string[]>>;
  /** In the order in which they will be due. */
  readonly delayed: readonly string[];
  /** What each consumer holds that holds something, in no order; absent where the broker does not tell. */
  readonly held?: readonly string[];
  /** By id: what died, and when. */
  readonly dead: Readonly<Record<string, string>>;
}

/** A broker under test. */
export interface Venue {
  /** How it orders what is due at the same time. */
  readonly sameHour: SameHour;
  /** From how many crashes on a message leaves for a lane that is not looked at here. */
  readonly suspectCrashes: number;
  /** How long it may take until its contents are as they should be, in milliseconds. */
  readonly patience: number;
  /** What is due goes into its line by itself; else when somebody takes. */
  readonly promotes: boolean;
  /** Begins anew, with nothing in the queue. */
  reset(): Promise<void>;
  connect(): Broker;
  state(): Promise<SeamState>;
  pass(hours: number): Promise<void>;
  /** Ends a consumer's lease, and waits until others may have what it holds: `bodies`. */
  expire(consumer: Consumer, bodies: readonly string[]): Promise<void>;
  /** Tells consumers that sleep that there may be something to take. */
  poke(): Promise<void>;
}

/** Which message a body is, its attempt and its crashes; these may be kept beside it. */
export function inWords(body: string, crashesBeside = 0): string {
  if (!body.startsWith("{")) return body;
  const { id, attempt, crashes } = decodeEnvelope(body);
  return `${id}, attempt ${attempt}, ${crashes + crashesBeside} crashes`;
}

/** A queue in words. */
export function queueInWords({ ready, delayed, running, dead }: QueueState): Required<SeamState> {
  const lines = Object.entries(ready).map(([priority, line]) => [priority, line.map((body) => inWords(body))]);
  return {
    ready: Object.fromEntries(lines),
    delayed: delayed.map(({ hours, priority, body }) => `in ${hours} hours with ${priority}: ${inWords(body)}`),
    held: Object.values(running)
      .map((held) => heldInWords(Object.values(held)))
      .sort(),
    dead: Object.fromEntries(Object.entries(dead).map(([id, { letter, hours }]) => [id, deadInWords(letter, hours)])),
  };
}

/** What one consumer holds. */
function heldInWords(bodies: readonly string[]): string {
  return bodies
    .map((body) => inWords(body))
    .sort()
    .join("; ");
}

function deadInWords(body: string, hours: number): string {
  return `${inWords(body)}, since ${-hours} hours`;
}

/** What a broker lists as dead; `age` tells how old each is, in hours. */
export function lettersInWords(
  letters: readonly DeadLetter[],
  age: (letter: DeadLetter) => number,
): Readonly<Record<string, string>> {
  return Object.fromEntries(letters.map((letter) => [letter.id, deadInWords(letter.body, -age(letter))]));
}
