/** A queue as it should be: plain lists and maps, with all times in hours from now. */
import { withCrash } from "./body.js";

/** In milliseconds. */
export const HOUR = 3_600_000;

/** A message in line, or on its way into it. */
export interface Message {
  readonly priority: number;
  readonly body: string;
}

/** A message that is held back; it is due when its hours are zero or less. */
export interface Delayed extends Message {
  readonly hours: number;
}

/** A dead letter, and for how many hours it has been one (as a negative number). */
export interface Dead {
  readonly letter: string;
  readonly hours: number;
}

/** All that a queue holds, in a form that a test compares and people read. */
export interface QueueState {
  /** The lines that are not empty, by priority; the next message is first. */
  readonly ready: Readonly<Record<string, readonly string[]>>;
  /** In the order in which they will be due. */
  readonly delayed: readonly Delayed[];
  /** By consumer, then by field (`sequence × 10 + priority`). */
  readonly running: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By id. */
  readonly dead: Readonly<Record<string, Dead>>;
}

/** Which of two messages that are due at the same hour goes first. */
export type SameHour = (one: Delayed, other: Delayed) => number;

/** How Redis orders what is due in the same millisecond: by priority, then by the bytes of the body. */
export const byPriorityThenBytes: SameHour = (one, other) =>
  other.priority - one.priority || (one.body < other.body ? -1 : 1);

/** The priority that a field tells. */
export const priorityOf = (field: number): number => field % 10;

export class QueueModel {
  readonly #sameHour: SameHour;
  /** By priority, 0 to 9; the next message is first. */
  readonly #ready: readonly string[][] = Array.from({ length: 10 }, () => []);
  #delayed: Delayed[] = [];
  /** By consumer, then by field. */
  readonly #held = new Map<string, Map<number, string>>();
  readonly #dead = new Map<string, Dead>();

  constructor(sameHour: SameHour) {
    this.#sameHour = sameHour;
  }

  get state(): QueueState {
    const lines = this.#ready.map((line, priority): [number, string[]] => [priority, [...line]]);
    const held = [...this.#held].map(([consumer, messages]): [string, Record<string, string>] => [
      consumer,
      Object.fromEntries(messages),
    ]);
    return {
      ready: Object.fromEntries(lines.filter(([, line]) => line.length > 0)),
      delayed: [...this.#delayed],
      running: Object.fromEntries(held.filter(([, messages]) => Object.keys(messages).length > 0)),
      dead: Object.fromEntries(this.#dead),
    };
  }

  /** How many messages are in line. */
  get waiting(): number {
    return this.#ready.reduce((sum, line) => sum + line.length, 0);
  }

  /** What is due first of all that is held back. */
  get nextDelayed(): Delayed | undefined {
    return this.#delayed[0];
  }

  isEmpty(priority: number): boolean {
    return this.#line(priority).length === 0;
  }

  /** A message goes to the end of its line. */
  add({ priority, body }: Message): void {
    this.#line(priority).push(body);
  }

  /** A message is held back; one with the very same bytes is replaced. */
  delay(message: Delayed): void {
    const others = this.#delayed.filter(({ body }) => body !== message.body);
    this.#delayed = [...others, message].sort((one, other) => one.hours - other.hours || this.#sameHour(one, other));
  }

  /** What is due goes to the end of its line. */
  promote(): void {
    for (const message of this.#delayed) if (message.hours <= 0) this.add(message);
    this.#delayed = this.#delayed.filter(({ hours }) => hours > 0);
  }

  /** Takes the next messages, the highest priority first, under fields from this sequence number on. */
  take(consumer: string, want: number, first: number): readonly Message[] {
    const taken: Message[] = [];
    for (let priority = 9; priority >= 0; priority--) {
      for (const body of this.#line(priority).splice(0, want - taken.length)) {
        this.hold(consumer, (first + taken.length) * 10 + priority, body);
        taken.push({ priority, body });
      }
    }
    return taken;
  }

  /** A consumer is given a message. */
  hold(consumer: string, field: number, body: string): void {
    this.#held.set(consumer, (this.#held.get(consumer) ?? new Map<number, string>()).set(field, body));
  }

  /** The fields that a consumer holds, the oldest first. */
  fields(consumer: string): readonly number[] {
    return [...(this.#held.get(consumer)?.keys() ?? [])].sort((one, other) => one - other);
  }

  /** All that consumers hold. */
  get heldBodies(): readonly string[] {
    return [...this.#held.values()].flatMap((held) => [...held.values()]);
  }

  /** What a consumer holds under a field. */
  body(consumer: string, field: number): string | undefined {
    return this.#held.get(consumer)?.get(field);
  }

  /** All that a consumer holds. */
  bodies(consumer: string): readonly string[] {
    return [...(this.#held.get(consumer)?.values() ?? [])];
  }

  /** A consumer has a message no longer; tells whether it had it. */
  letGo(consumer: string, field: number): boolean {
    return this.#held.get(consumer)?.delete(field) ?? false;
  }

  /** Messages go back to the front of their lines, what was taken first in front. */
  putBack(consumer: string, fields: readonly number[]): void {
    this.#return(consumer, fields, (body) => [this, body]);
  }

  /** All that a consumer held whose process has died goes back, with the crash counted on it; `laneOf` says where to. */
  recover(consumer: string, laneOf: (body: string) => QueueModel): void {
    this.#return(consumer, this.fields(consumer), (body) => {
      const counted = withCrash(body);
      return [laneOf(counted), counted];
    });
  }

  bury(id: string, letter: string): void {
    this.#dead.set(id, { letter, hours: 0 });
  }

  /** A dead letter is there no longer; tells whether it was. */
  dig(id: string): boolean {
    return this.#dead.delete(id);
  }

  /** Forgets dead letters of a certain age in hours, and older ones. */
  forget(age: number): void {
    for (const [id, { hours }] of this.#dead) if (hours <= -age) this.#dead.delete(id);
  }

  pass(passed: number): void {
    this.#delayed = this.#delayed.map((message) => ({ ...message, hours: message.hours - passed }));
    for (const [id, { letter, hours }] of this.#dead) this.#dead.set(id, { letter, hours: hours - passed });
  }

  #return(consumer: string, fields: readonly number[], place: (body: string) => readonly [QueueModel, string]): void {
    const held = this.#held.get(consumer);
    for (const field of [...fields].sort((one, other) => other - one)) {
      const body = held?.get(field);
      if (body === undefined) continue;
      held?.delete(field);
      const [lane, changed] = place(body);
      lane.#line(priorityOf(field)).unshift(changed);
    }
  }

  #line(priority: number): string[] {
    const line = this.#ready[priority];
    if (line === undefined) throw new RangeError(`no priority: ${priority}`);
    return line;
  }
}
