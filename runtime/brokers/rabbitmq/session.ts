/** What a consumer holds on one channel: the messages that wait for a slot, those that are delivered, and their acks. */
import type { Channel, ConsumeMessage } from "amqplib";
import { defaults } from "../../vocabulary/defaults.js";
import { reissue } from "../../wire/envelope.js";
import { Acks } from "./acks.js";
import { HIGHEST_RANK, PRIORITIES } from "./names.js";
import { PRIORITY_HEADER } from "./publisher.js";
import type { Lane, Lanes } from "./topology.js";

/**
 * How long messages of lower lanes wait, in milliseconds, after a lane was emptied that the server may have more for:
 * its next message is on its way.
 */
const COURTESY = 20;

/** A lane while it is consumed. */
export interface LaneState {
  readonly lane: Lane;
  /** How many of its messages the server may push without having heard of the last ones. */
  readonly prefetch: number;
  tag: string | undefined;
  /** How many of its messages are here, waiting or delivered. */
  held: number;
  /** Until when the server may have a message on its way that goes before those of lower lanes. */
  awaited: number;
}

/** A message here, with its way back. */
export interface Held {
  readonly message: ConsumeMessage;
  readonly lane: LaneState;
  readonly rank: number;
}

/** What a session begins with. */
export interface SessionInit {
  readonly channel: Channel;
  readonly lanes: Lanes;
  /** How many messages of an ordinary lane the server may push without having heard of the last ones. */
  readonly prefetch: number;
  /** Why something can no longer be settled. */
  readonly notHeld: () => Error;
}

/** What belongs to one channel: delivery tags mean nothing on another. */
export class Session<D> {
  readonly channel: Channel;
  /** The ordinary ones, the highest first, then that of the suspects. */
  readonly lanes: readonly LaneState[];
  readonly acks: Acks<Held>;
  /** What the worker was given and has not settled. */
  readonly deliveries = new Set<D>();
  /** What waits for a slot, by rank. */
  readonly waiting: readonly Held[][] = Array.from({ length: HIGHEST_RANK + 1 }, () => []);
  /** Messages on their way to the lane where they belong. */
  readonly moves = new Set<Promise<void>>();
  /** Resolves when the channel has ended. */
  readonly ended: Promise<void>;
  alive = true;
  readonly #prefetch: number;
  #asking: Promise<unknown> | undefined;

  constructor({ channel, lanes, prefetch, notHeld }: SessionInit) {
    this.channel = channel;
    this.#prefetch = prefetch;
    const state = (lane: Lane, most: number): LaneState => {
      return { lane, prefetch: most, tag: undefined, held: 0, awaited: 0 };
    };
    this.lanes = [...lanes.ordinary.map((lane) => state(lane, prefetch)), state(lanes.suspects, 1)];
    this.acks = new Acks<Held>(channel, {
      // No suspect is to come while one runs.
      pressing: () => this.lanes.some(({ lane, held }) => !lane.suspects && held * 2 >= prefetch),
      telling: (done) => this.#noLongerHeld(done),
      untold: notHeld,
    });
    this.ended = new Promise((resolve) => channel.once("close", resolve));
  }

  /** A lane that is about to be consumed may have a message at once. */
  expectFirst(lane: LaneState): void {
    lane.awaited = performance.now() + COURTESY;
  }

  /** Where a lane was full, the server may hold messages back that it sends once it hears of the acks. */
  #noLongerHeld(done: readonly Held[]): void {
    for (const lane of this.lanes) if (lane.held >= lane.prefetch) lane.awaited = performance.now() + COURTESY;
    for (const { lane } of done) lane.held--;
  }

  add(held: Held): void {
    held.lane.held++;
    held.lane.awaited = 0;
    this.waiting[held.rank]?.push(held);
  }

  /** Has all deliveries wait for a move: one may end this process, and what is moved would be in both lanes then. */
  async moving(move: Promise<void>): Promise<void> {
    this.moves.add(move);
    try {
      await move;
    } finally {
      this.moves.delete(move);
    }
  }

  /**
   * Resolves when the server has dealt with all acks that were told: it answers none, and forgets those of a process that
   * is killed right after. A prefetch, which it does answer, counts for later subscriptions alone, and each brings its own.
   */
  async heard(): Promise<void> {
    this.#asking ??= Promise.resolve().then(() => {
      this.#asking = undefined;
      return this.channel.prefetch(this.#prefetch);
    });
    await this.#asking;
  }

  /** The next message to deliver; a number of milliseconds where a higher one is awaited. */
  next(): Held | number | undefined {
    if (this.moves.size > 0) return undefined;
    let rank = this.waiting.length - 1;
    while (rank >= 0 && this.waiting[rank]?.length === 0) rank--;
    if (rank < 0) return undefined;
    // A loop that asks the time only where it matters: this runs for every message.
    for (const state of this.lanes) {
      if (state.lane.priority === undefined || state.lane.priority <= rank) break;
      if (state.awaited === 0) continue;
      const left = state.awaited - performance.now();
      if (left > 0) return left;
      state.awaited = 0;
    }
    return this.waiting[rank]?.[0];
  }

  take(held: Held): void {
    this.waiting[held.rank]?.shift();
  }

  /** Everything that waits, the next one first, and no longer waits. */
  takeAll(): readonly Held[] {
    return this.waiting.toReversed().flatMap((each) => each.splice(0));
  }
}

/** A message that was given back says its own priority; another has that of its place. */
export function priorityOf({ message, rank }: Held): number {
  const own: unknown = message.properties.headers?.[PRIORITY_HEADER];
  const priority = typeof own === "number" ? own : rank;
  return (PRIORITIES as readonly number[]).includes(priority) ? priority : 9;
}

/** A message as it goes on from here. */
export interface Recounted {
  /** Its bytes, with the redeliveries counted as crashes: messages that are given back in peace are new ones. */
  readonly body: string;
  /** Whether it is to be handled alone. */
  readonly suspect: boolean;
}

/** Counts the workers that died while they held a message. */
export function recount(held: Held): Recounted {
  const { lane } = held.lane;
  let body = held.message.content.toString();
  let crashes = redeliveries(held);
  if (crashes === 0) return { body, suspect: lane.suspects };
  try {
    const said = (JSON.parse(body) as { readonly crashes?: unknown }).crashes;
    crashes += typeof said === "number" ? said : 0;
    body = reissue(body, { crashes });
  } catch {
    // It is no envelope: whoever decodes it will say so.
  }
  return { body, suspect: lane.suspects || crashes >= defaults.broker.suspectCrashes };
}

/** Whether a message belongs in another lane; in one that does not count, what was delivered before is written anew. */
export function isMisplaced(held: Held): boolean {
  const { lane } = held.lane;
  if (redeliveries(held) === 0) return false;
  return !lane.counts || (!lane.suspects && recount(held).suspect);
}

function redeliveries({ message, lane }: Held): number {
  const counted: unknown = message.properties.headers?.["x-delivery-count"];
  const unsaid = !lane.lane.counts && message.fields.redelivered ? 1 : 0;
  return typeof counted === "number" ? counted : unsaid;
}
