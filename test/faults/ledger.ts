/**
 * The books that are kept outside the broker: each process notes in a file of its own what it sent, began and finished,
 * and the test reads all of them. A note is on disk before the next step is taken, so that no kill takes it back.
 */
import { closeSync, existsSync, openSync, readdirSync, readSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

/** What is noted of a message. */
export type Event =
  /** A send that resolved; with the actor and the time at which it was called. */
  | "accepted"
  /** A handler has it. */
  | "began"
  /** A handler has it, and this is the key that it claims. */
  | "keyed"
  /** A worker has it that no other had before. */
  | "fresh"
  /** A handler is through with it. */
  | "ended"
  /** A handler failed. */
  | "failed"
  /** A handler's signal was aborted. */
  | "aborted"
  /** Its sender has the right answer. */
  | "answered"
  /** The process that had it found what every object inherits changed. */
  | "polluted"
  /** Its sender waited in vain, or has a wrong answer. */
  | "unanswered";

/** One note. */
export interface Note {
  readonly event: Event;
  readonly id: string;
  /** The process. */
  readonly by: string;
  /** Milliseconds by the machine's own clock, which all processes share and nobody moves. */
  readonly at: number;
  readonly detail: string;
}

/** The time that notes carry. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** When the sender of a message that was accepted asked for it. */
export function askedAt({ detail }: Note): number {
  return Number(detail.split(" ")[1]);
}

/** What one process writes in. */
export class Journal {
  readonly #path: string;
  readonly #file: number;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, "a");
  }

  /** Sets a mark on a message that every process sees; whether none of them had set it before. */
  mark(id: string, mark: string): boolean {
    try {
      closeSync(openSync(this.#markOf(id, mark), "wx"));
      return true;
    } catch {
      return false;
    }
  }

  /** Whether any process has set this mark on a message. */
  isMarked(id: string, mark: string): boolean {
    return existsSync(this.#markOf(id, mark));
  }

  note(event: Event, id: string, detail = ""): void {
    writeSync(this.#file, `${machineTime().toFixed(3)} ${event} ${id} ${detail}\n`);
  }

  #markOf(id: string, mark: string): string {
    return join(dirname(this.#path), `${id}.${mark}`);
  }
}

/** A journal as far as it was read. */
interface Read {
  readonly file: number;
  offset: number;
  rest: string;
}

const CHUNK = Buffer.alloc(1024 * 1024);

/** What the test reads. */
export class Ledger {
  readonly #directory: string;
  readonly #journals = new Map<string, Read>();
  readonly #notes = new Map<Event, Map<string, Note[]>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The file in which a process notes. */
  journal(name: string): string {
    return join(this.#directory, `${name}.journal`);
  }

  /** Takes in what was noted since the last time. */
  read(): void {
    for (const entry of readdirSync(this.#directory)) {
      if (!entry.endsWith(".journal")) continue;
      const name = entry.slice(0, -".journal".length);
      let journal = this.#journals.get(name);
      if (journal === undefined) {
        this.#journals.set(name, (journal = { file: openSync(this.journal(name), "r"), offset: 0, rest: "" }));
      }
      this.#readOn(name, journal);
    }
  }

  /** What was noted of each message, by id, the oldest note first. */
  of(event: Event): ReadonlyMap<string, readonly Note[]> {
    let notes = this.#notes.get(event);
    if (notes === undefined) this.#notes.set(event, (notes = new Map()));
    return notes;
  }

  /** All notes of a kind. */
  all(event: Event): readonly Note[] {
    return [...this.of(event).values()].flat();
  }

  /** How many messages have notes of this kind. */
  count(event: Event): number {
    this.read();
    return this.of(event).size;
  }

  close(): void {
    for (const { file } of this.#journals.values()) closeSync(file);
  }

  #readOn(name: string, journal: Read): void {
    for (;;) {
      const bytes = readSync(journal.file, CHUNK, 0, CHUNK.length, journal.offset);
      if (bytes === 0) return;
      journal.offset += bytes;
      const lines = (journal.rest + CHUNK.toString("utf8", 0, bytes)).split("\n");
      // The last line may still be under way.
      journal.rest = lines.pop() ?? "";
      for (const line of lines) this.#take(name, line);
    }
  }

  #take(by: string, line: string): void {
    const [at, event, id = "", ...detail] = line.split(" ");
    const note: Note = { event: event as Event, id, by, at: Number(at), detail: detail.join(" ") };
    let notes = this.#notes.get(note.event);
    if (notes === undefined) this.#notes.set(note.event, (notes = new Map()));
    const ofMessage = notes.get(id);
    if (ofMessage === undefined) return void notes.set(id, [note]);
    // Journals are read one after the other: what another process noted before may come after it.
    const after = ofMessage.findLastIndex((each) => each.at <= note.at);
    ofMessage.splice(after + 1, 0, note);
  }
}
