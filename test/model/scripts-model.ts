/** What the scripts do, on a plain model of the queue and of the consumers' leases. */
import { crashesOf, idOf } from "./body.js";
import { byPriorityThenBytes, QueueModel, type Delayed, type Message } from "./queue.js";
import type { LaneState } from "./redis-keys.js";
import {
  byConsumer,
  DEAD_LETTER_HOURS,
  LEASE_HOURS,
  SUSPECT_CRASHES,
  takesSuspects,
  type Held,
  type QueueScripts,
  type ScriptsState,
  type Swept,
  type Take,
  type TakeAnswer,
  type Word,
} from "./scripts.js";

/** The longest time that a consumer is told to rest, in hours. */
const LONGEST_REST = 24;

/** The server's choice of whom it wakes, and what is told. */
interface Told {
  /** Whether a consumer is still idle after the present step. */
  readonly stillIdle: (consumer: string) => boolean;
  readonly words: Word[];
}

/** One lane: its messages, and who takes them. */
class Lane {
  readonly queue = new QueueModel(byPriorityThenBytes);
  /** By consumer: the hours until its lease is over. */
  readonly leases = new Map<string, number>();
  readonly consumers = new Set<string>();
  /** By consumer: the sequence number that it keeps free. */
  readonly idle = new Map<string, number>();
  readonly #listening: ReadonlySet<string>;

  constructor(listening: ReadonlySet<string>) {
    this.#listening = listening;
  }

  get state(): LaneState {
    const { dead: _, ...queue } = this.queue.state;
    return {
      ...queue,
      leases: Object.fromEntries(this.leases),
      consumers: [...this.consumers].sort(),
      idle: Object.fromEntries(this.idle),
    };
  }

  /** Those whose lease is over or missing. */
  get gone(): readonly string[] {
    const known = new Set([...this.consumers, ...this.leases.keys()]);
    return [...known].filter((consumer) => !this.hasLease(consumer)).sort();
  }

  hasLease(consumer: string): boolean {
    return (this.leases.get(consumer) ?? 0) > 0;
  }

  forget(consumer: string): void {
    this.leases.delete(consumer);
    this.consumers.delete(consumer);
    this.idle.delete(consumer);
  }

  /** Gives a message to an idle consumer that lives and listens, if there is one. */
  handOver({ priority, body }: Message, told: Told): boolean {
    const sequences = new Map(this.idle);
    const consumer = this.#choose((each) => this.hasLease(each) && this.#listening.has(each), told);
    if (consumer === undefined) return false;
    const field = (sequences.get(consumer) ?? 0) * 10 + priority;
    this.queue.hold(consumer, field, body);
    told.words.push({ consumer, text: `${field} ${body}` });
    return true;
  }

  /** Tells one idle consumer that listens to take, if there is one. */
  wake(told: Told): void {
    const consumer = this.#choose((each) => this.#listening.has(each), told);
    if (consumer !== undefined) told.words.push({ consumer, text: "" });
  }

  /**
   * Takes one that is fit out of the idle ones: the one that the server chose. Those that are not fit may go with it,
   * and all do where nobody is fit.
   */
  #choose(isFit: (consumer: string) => boolean, { stillIdle }: Told): string | undefined {
    const fit = [...this.idle.keys()].filter(isFit);
    const chosen = fit.find((consumer) => !stillIdle(consumer)) ?? fit[0];
    for (const consumer of this.idle.keys()) {
      const goes = isFit(consumer) ? consumer === chosen : chosen === undefined || !stillIdle(consumer);
      if (goes) this.idle.delete(consumer);
    }
    return chosen;
  }
}

export class ScriptsModel implements QueueScripts {
  readonly #listening = new Set<string>();
  readonly #main = new Lane(this.#listening);
  readonly #suspects = new Lane(this.#listening);
  /** How often something was cancelled. */
  #version = 0;
  readonly #cancelled = new Set<string>();
  #told: Told = { stillIdle: () => true, words: [] };

  get state(): ScriptsState {
    return {
      main: this.#main.state,
      suspects: this.#suspects.state,
      dead: this.#main.queue.state.dead,
      cancelled: [...this.#cancelled].sort(),
      words: this.#told.words.toSorted(byConsumer),
      others: [],
    };
  }

  /** The server chooses whom it wakes: before each step, the model learns who is still idle after it. */
  begin(stillIdle: (consumer: string) => boolean): void {
    this.#told = { stillIdle, words: [] };
  }

  publish(message: Message): void {
    const { queue } = this.#main;
    if (queue.isEmpty(message.priority) && this.#main.handOver(message, this.#told)) return;
    queue.add(message);
    this.#main.wake(this.#told);
  }

  push(priority: number, bodies: readonly string[]): void {
    for (const body of bodies) this.#main.queue.add({ priority, body });
    this.#main.wake(this.#told);
  }

  delay(messages: readonly Delayed[]): void {
    const before = this.#main.queue.nextDelayed;
    for (const message of messages) this.#main.queue.delay(message);
    if (messages.some(({ hours }) => before === undefined || hours < before.hours)) this.#main.wake(this.#told);
  }

  take({ consumer, want, first, call, acks }: Take): TakeAnswer {
    const lane = this.#laneOf(consumer);
    const { queue, leases, consumers, idle } = lane;
    if (call !== "new" && !leases.has(consumer)) return ["lost"];
    for (const field of acks) queue.letGo(consumer, field);
    leases.set(consumer, LEASE_HOURS);
    if (call === "new") consumers.add(consumer);
    if (want === 0) return [-1, 0, 0, this.#version, ""];

    const told = call === "idle" && !idle.delete(consumer) ? 1 : 0;
    queue.promote();
    const taken = queue.take(consumer, want, first);
    const isIdle = taken.length < want;
    if (isIdle) idle.set(consumer, first + want);
    else if (queue.waiting > 0) lane.wake(this.#told);
    const due = isIdle ? (queue.nextDelayed?.hours ?? -1) : -1;
    const text = taken.map(({ body }) => body).join("\n");
    return [Math.min(due, LONGEST_REST), isIdle ? 1 : 0, told, this.#version, text, ...countsOf(taken)];
  }

  cancel(ids: readonly string[]): readonly number[] {
    const held = new Set([this.#main, this.#suspects].flatMap(({ queue }) => queue.heldBodies).map(idOf));
    const dead = this.#main.queue.state.dead;
    const found = ids.map((id) => (id in dead ? 0 : held.has(id) ? 2 : 1));
    if (found.some((each) => each !== 0)) this.#version++;
    for (const [i, id] of ids.entries()) if (found[i] !== 0) this.#cancelled.add(id);
    return found;
  }

  retry({ consumer, field }: Held, next: Delayed): number {
    const lane = this.#laneOf(consumer);
    if (!lane.queue.letGo(consumer, field)) return 0;
    if (next.hours > 0) lane.queue.delay(next);
    else lane.queue.add(next);
    lane.wake(this.#told);
    return 1;
  }

  reject({ consumer, field }: Held, id: string, letter: string): number {
    if (!this.#laneOf(consumer).queue.letGo(consumer, field)) return 0;
    this.#main.queue.bury(id, letter);
    return 1;
  }

  release({ consumer, field }: Held): number {
    const lane = this.#laneOf(consumer);
    if (lane.queue.body(consumer, field) === undefined) return 0;
    lane.queue.putBack(consumer, [field]);
    lane.wake(this.#told);
    return 1;
  }

  reconcile(consumer: string, known: readonly number[]): number {
    const lane = this.#laneOf(consumer);
    lane.idle.delete(consumer);
    const unknown = lane.queue.fields(consumer).filter((field) => !known.includes(field));
    lane.queue.putBack(consumer, unknown);
    if (unknown.length > 0) lane.wake(this.#told);
    return unknown.length;
  }

  leave(consumer: string): number {
    const lane = this.#laneOf(consumer);
    lane.forget(consumer);
    const fields = lane.queue.fields(consumer);
    lane.queue.putBack(consumer, fields);
    lane.wake(this.#told);
    return fields.length;
  }

  passOn(consumer: string): number {
    const lane = this.#laneOf(consumer);
    if (lane.idle.delete(consumer)) return 1;
    lane.wake(this.#told);
    return 0;
  }

  sweep(): Swept {
    this.#main.queue.forget(DEAD_LETTER_HOURS);
    const { waiting, nextDelayed } = this.#suspects.queue;
    return [waiting > 0 || nextDelayed !== undefined ? 1 : 0, this.#main.gone, this.#suspects.gone];
  }

  reap(consumer: string): number {
    const lane = this.#laneOf(consumer);
    if (lane.hasLease(consumer)) return -1;
    lane.forget(consumer);
    const to = new Set<Lane>();
    const count = lane.queue.fields(consumer).length;
    lane.queue.recover(consumer, (body) => {
      const place = crashesOf(body) < SUSPECT_CRASHES ? lane : this.#suspects;
      to.add(place);
      return place.queue;
    });
    for (const place of to) place.wake(this.#told);
    return count;
  }

  replay(id: string, message: Message): number {
    if (!this.#main.queue.dig(id)) return 0;
    this.#main.queue.add(message);
    this.#main.wake(this.#told);
    return 1;
  }

  purge(): void {
    this.#main.queue.forget(0);
  }

  pass(hours: number): void {
    for (const { queue, leases } of [this.#main, this.#suspects]) {
      queue.pass(hours);
      for (const [consumer, left] of leases) leases.set(consumer, left - hours);
    }
  }

  lose(key: "leases" | "consumers"): void {
    this.#main[key].clear();
  }

  listen(consumer: string, listening: boolean): void {
    if (listening) this.#listening.add(consumer);
    else this.#listening.delete(consumer);
  }

  #laneOf(consumer: string): Lane {
    return takesSuspects(consumer) ? this.#suspects : this.#main;
  }
}

/** The priorities of what was taken, and how many of each. */
function countsOf(taken: readonly Message[]): readonly number[] {
  const priorities = [...new Set(taken.map(({ priority }) => priority))];
  return priorities.flatMap((priority) => [priority, taken.filter((each) => each.priority === priority).length]);
}
