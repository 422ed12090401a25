/** What the scripts do, on a plain model of the queue and of the consumers' leases. */
import { byPriorityThenBytes, QueueModel, type Delayed, type Message } from "./queue.js";
import {
  DEAD_LETTER_HOURS,
  LEASE_HOURS,
  type Held,
  type QueueScripts,
  type ScriptsState,
  type Take,
  type TakeAnswer,
  type Word,
} from "./scripts.js";

/** The longest time that a consumer is told to rest, in hours. */
const LONGEST_REST = 24;

export class ScriptsModel implements QueueScripts {
  readonly #queue = new QueueModel(byPriorityThenBytes);
  /** By consumer: the hours until its lease is over. */
  readonly #leases = new Map<string, number>();
  readonly #consumers = new Set<string>();
  /** By consumer: the sequence number that it keeps free. */
  readonly #idle = new Map<string, number>();
  readonly #listening = new Set<string>();
  #words: Word[] = [];
  #stillIdle: (consumer: string) => boolean = () => true;

  get state(): ScriptsState {
    return {
      ...this.#queue.state,
      leases: Object.fromEntries(this.#leases),
      consumers: [...this.#consumers].sort(),
      idle: Object.fromEntries(this.#idle),
      words: this.#words,
      others: [],
    };
  }

  /** The server chooses whom it wakes: before each step, the model learns who was idle after it. */
  begin(stillIdle: (consumer: string) => boolean): void {
    this.#stillIdle = stillIdle;
    this.#words = [];
  }

  publish(message: Message): void {
    if (!this.#queue.isEmpty(message.priority) || !this.#handOver(message)) {
      this.#queue.add(message);
      this.#wake();
    }
  }

  push(priority: number, bodies: readonly string[]): void {
    for (const body of bodies) this.#queue.add({ priority, body });
    this.#wake();
  }

  delay(messages: readonly Delayed[]): void {
    const before = this.#queue.nextDelayed;
    for (const message of messages) this.#queue.delay(message);
    if (messages.some(({ hours }) => before === undefined || hours < before.hours)) this.#wake();
  }

  take({ consumer, want, first, call, acks }: Take): TakeAnswer {
    if (call !== "new" && !this.#leases.has(consumer)) return ["lost"];
    for (const field of acks) this.#queue.letGo(consumer, field);
    this.#leases.set(consumer, LEASE_HOURS);
    if (call === "new") this.#consumers.add(consumer);
    if (want === 0) return [-1, 0, 0, ""];

    const told = call === "idle" && !this.#idle.delete(consumer) ? 1 : 0;
    this.#queue.promote();
    const taken = this.#queue.take(consumer, want, first);
    const isIdle = taken.length < want;
    if (isIdle) this.#idle.set(consumer, first + want);
    else if (this.#queue.waiting > 0) this.#wake();
    const due = isIdle ? (this.#queue.nextDelayed?.hours ?? -1) : -1;
    const text = taken.map(({ body }) => body).join("\n");
    return [Math.min(due, LONGEST_REST), isIdle ? 1 : 0, told, text, ...countsOf(taken)];
  }

  retry({ consumer, field }: Held, next: Delayed): number {
    if (!this.#queue.letGo(consumer, field)) return 0;
    if (next.hours > 0) this.#queue.delay(next);
    else this.#queue.add(next);
    this.#wake();
    return 1;
  }

  reject({ consumer, field }: Held, id: string, letter: string): number {
    if (!this.#queue.letGo(consumer, field)) return 0;
    this.#queue.bury(id, letter);
    return 1;
  }

  release({ consumer, field }: Held): number {
    if (!this.#queue.fields(consumer).includes(field)) return 0;
    this.#queue.putBack(consumer, [field]);
    this.#wake();
    return 1;
  }

  reconcile(consumer: string, known: readonly number[]): number {
    this.#idle.delete(consumer);
    const unknown = this.#queue.fields(consumer).filter((field) => !known.includes(field));
    this.#queue.putBack(consumer, unknown);
    if (unknown.length > 0) this.#wake();
    return unknown.length;
  }

  leave(consumer: string): number {
    this.#forget(consumer);
    const fields = this.#queue.fields(consumer);
    this.#queue.putBack(consumer, fields);
    this.#wake();
    return fields.length;
  }

  passOn(consumer: string): number {
    if (this.#idle.delete(consumer)) return 1;
    this.#wake();
    return 0;
  }

  sweep(): readonly string[] {
    this.#queue.forget(DEAD_LETTER_HOURS);
    const known = new Set([...this.#consumers, ...this.#leases.keys()]);
    return [...known].filter((consumer) => !this.#hasLease(consumer)).sort();
  }

  reap(consumer: string): number {
    if (this.#hasLease(consumer)) return -1;
    this.#forget(consumer);
    const count = this.#queue.recover(consumer);
    if (count > 0) this.#wake();
    return count;
  }

  replay(id: string, message: Message): number {
    if (!this.#queue.dig(id)) return 0;
    this.#queue.add(message);
    this.#wake();
    return 1;
  }

  purge(): void {
    this.#queue.forget(0);
  }

  pass(hours: number): void {
    this.#queue.pass(hours);
    for (const [consumer, left] of this.#leases) this.#leases.set(consumer, left - hours);
  }

  lose(key: "leases" | "consumers"): void {
    if (key === "leases") this.#leases.clear();
    else this.#consumers.clear();
  }

  listen(consumer: string, listening: boolean): void {
    if (listening) this.#listening.add(consumer);
    else this.#listening.delete(consumer);
  }

  #hasLease(consumer: string): boolean {
    return (this.#leases.get(consumer) ?? 0) > 0;
  }

  #forget(consumer: string): void {
    this.#leases.delete(consumer);
    this.#consumers.delete(consumer);
    this.#idle.delete(consumer);
  }

  /** Gives a message to an idle consumer that lives and listens, if there is one. */
  #handOver({ priority, body }: Message): boolean {
    const sequences = new Map(this.#idle);
    const consumer = this.#choose((each) => this.#hasLease(each) && this.#listening.has(each));
    if (consumer === undefined) return false;
    const field = (sequences.get(consumer) ?? 0) * 10 + priority;
    this.#queue.hold(consumer, field, body);
    this.#words.push({ consumer, text: `${field} ${body}` });
    return true;
  }

  /** Tells one idle consumer that listens to take, if there is one. */
  #wake(): void {
    const consumer = this.#choose((each) => this.#listening.has(each));
    if (consumer !== undefined) this.#words.push({ consumer, text: "" });
  }

  /**
   * Takes one that is fit out of the idle ones: the one that the server chose. Those that are not fit may go with it,
   * and all do where nobody is fit.
   */
  #choose(isFit: (consumer: string) => boolean): string | undefined {
    const fit = [...this.#idle.keys()].filter(isFit);
    const chosen = fit.find((consumer) => !this.#stillIdle(consumer)) ?? fit[0];
    for (const consumer of this.#idle.keys()) {
      if (consumer === chosen || (!isFit(consumer) && !(chosen !== undefined && this.#stillIdle(consumer)))) {
        this.#idle.delete(consumer);
      }
    }
    return chosen;
  }
}

/** The priorities of what was taken, and how many of each. */
function countsOf(taken: readonly Message[]): readonly number[] {
  const priorities = [...new Set(taken.map(({ priority }) => priority))];
  return priorities.flatMap((priority) => [priority, taken.filter((each) => each.priority === priority).length]);
}
