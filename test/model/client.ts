/** What one consumer knows: what it has been given, and whether it sleeps. */
import type { Take, TakeAnswer, Word } from "./scripts.js";

export class Client {
  readonly id: string;
  /** Bodies by field. */
  readonly known = new Map<number, string>();
  /** It does not hear what it is told, and looks by itself. */
  isDeaf = false;
  #isNew = true;
  /** It stands among the idle ones, as far as it knows. */
  #isIdle = false;
  /** For how many hours it sleeps unless it is told something; zero or less: not at all. */
  #rest = 0;
  #sequence = 0;

  constructor(id: string) {
    this.id = id;
  }

  get isAsleep(): boolean {
    return !this.isDeaf && this.#rest > 0;
  }

  /** Whether it sleeps beyond the time at which something is due. */
  sleepsPast(hours: number): boolean {
    return this.#rest > hours;
  }

  /** Its next call; `acks` count the messages that it knows of, round and round. */
  call(want: number, acks: readonly number[]): Take {
    const first = this.#sequence;
    // One more for a message that is handed over.
    this.#sequence += want + 1;
    const fields = new Set(acks.flatMap((ack) => this.pick(ack) ?? []));
    return {
      consumer: this.id,
      want,
      first,
      call: this.#isNew ? "new" : this.#isIdle ? "idle" : "",
      acks: [...fields].sort((one, other) => one - other),
    };
  }

  /** The answer to its call arrives; `taken` are the messages that came with it, by field. */
  learn({ want, acks }: Take, [due, isIdle]: TakeAnswer, taken: ReadonlyMap<number, string>): void {
    this.#isNew = false;
    for (const field of acks) this.known.delete(field);
    for (const [field, body] of taken) this.known.set(field, body);
    if (want === 0) return;
    this.#isIdle = isIdle === 1;
    this.#rest = !this.#isIdle ? 0 : due === -1 ? Infinity : Number(due);
  }

  /** It hears a word; `heeded`: what it says arrives in the program as well. */
  hear({ text }: Word, heeded: boolean): void {
    this.wake();
    const space = text.indexOf(" ");
    if (space !== -1 && heeded) this.known.set(Number(text.slice(0, space)), text.slice(space + 1));
  }

  /** It does not count itself among the idle ones any longer. */
  wake(): void {
    this.#isIdle = false;
    this.#rest = 0;
  }

  /** The n-th of the messages that it knows of, counted round and round. */
  pick(n: number): number | undefined {
    return [...this.known.keys()].at(n % Math.max(1, this.known.size));
  }

  pass(hours: number): void {
    this.#rest -= hours;
  }
}
