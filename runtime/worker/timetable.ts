/** The schedules of one queue, and how far each has come. */
import { createHash } from "node:crypto";
import type { Actor } from "../actor.js";
import { readCron, type Calendar } from "../vocabulary/cron.js";
import { defaults } from "../vocabulary/defaults.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import { trackOf, type Schedule } from "../vocabulary/schedule-options.js";

/** A schedule that is followed. */
export interface Entry {
  readonly actor: Actor;
  readonly schedule: Schedule;
  readonly calendar: Calendar;
  /** What its progress is kept under. */
  readonly track: string;
}

/** An entry. Throws `InvalidOptionError` for a schedule that cannot be followed, naming its actor. */
export function createEntry(actor: Actor, schedule: Schedule): Entry {
  try {
    return { actor, schedule, calendar: readCron(schedule), track: trackOf(schedule) };
  } catch (error) {
    if (error instanceof InvalidOptionError) throw new InvalidOptionError(`${actor.name}: ${error.message}`);
    throw error;
  }
}

/** How far a schedule has come. */
interface Progress {
  /** The last moment up to which all ticks were dealt with. */
  last: number;
  /** Whether the store does not know of it yet. */
  isNews: boolean;
}

export class Timetable {
  /** What tells the contracts' schedules from those of other versions. */
  readonly print: string;
  readonly #declared: readonly Entry[];
  #made: readonly Entry[] = [];
  readonly #progress = new Map<string, Progress>();

  constructor(declared: readonly Entry[]) {
    this.#declared = declared;
    this.print = printOf(declared);
  }

  /** Whether there is nothing to follow. */
  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  get entries(): readonly Entry[] {
    return [...this.#declared, ...this.#made];
  }

  /** Begins anew, with what the store knows. `gap`: whether nobody saw to the schedules for a while. */
  begin(made: readonly Entry[], ticks: ReadonlyMap<string, number>, now: number, gap: boolean): void {
    this.#progress.clear();
    this.change(made, ticks, now);
    if (!gap) return;
    for (const entry of this.entries) {
      const progress = this.#of(entry);
      progress.last = afterGap(entry, progress.last, now);
      // Whoever leads next finds no gap: he is to begin where this one did.
      progress.isNews = true;
    }
  }

  /** Learns which schedules were made at run time. One that the store knows nothing of begins now. */
  change(made: readonly Entry[], ticks: ReadonlyMap<string, number>, now: number): void {
    this.#made = made;
    // One that is made anew after it was gone begins anew, too.
    const followed = new Set(this.entries.map(({ track }) => track));
    for (const track of this.#progress.keys()) if (!followed.has(track)) this.#progress.delete(track);
    for (const { track } of this.entries) {
      if (this.#progress.has(track)) continue;
      const known = ticks.get(track);
      this.#progress.set(track, { last: known ?? now, isNews: known === undefined });
    }
  }

  /** Whether there is something that the store does not know. */
  get hasNews(): boolean {
    return [...this.#progress.values()].some(({ isNews }) => isNews);
  }

  /** What the store does not know yet. It is told again until `told`. */
  news(): ReadonlyMap<string, number> {
    const news = [...this.#progress].filter(([, { isNews }]) => isNews);
    return new Map(news.map(([track, { last }]) => [track, last]));
  }

  /** The store knows this much. */
  told(news: ReadonlyMap<string, number>): void {
    for (const [track, last] of news) {
      const progress = this.#progress.get(track);
      if (progress?.last === last) progress.isNews = false;
    }
  }

  /** Hands each tick that is due to `fire`, and counts it as dealt with when that resolves. */
  async advance(now: () => number, fire: (entry: Entry, tick: number) => Promise<void>): Promise<void> {
    for (const entry of this.entries) {
      const progress = this.#of(entry);
      for (let tick = this.#next(entry); tick !== undefined && tick <= now(); tick = this.#next(entry)) {
        await fire(entry, tick);
        progress.last = tick;
        progress.isNews = true;
      }
    }
  }

  /** When the next tick is due; `undefined` where none is. */
  get next(): number | undefined {
    const ticks = this.entries.flatMap((entry) => this.#next(entry) ?? []);
    return ticks.length === 0 ? undefined : Math.min(...ticks);
  }

  #next(entry: Entry): number | undefined {
    return entry.calendar.after(this.#of(entry).last);
  }

  #of({ track }: Entry): Progress {
    const known = this.#progress.get(track);
    if (known !== undefined) return known;
    const progress: Progress = { last: 0, isNews: false };
    this.#progress.set(track, progress);
    return progress;
  }
}

/** From where a schedule goes on when nobody saw to it for a while: just before the first tick that is caught up with. */
function afterGap({ schedule, calendar }: Entry, last: number, now: number): number {
  if (schedule.catchUp === "none") return now;
  const most = schedule.catchUp === "last" ? 1 : defaults.schedules.mostMissed;
  let first = now + 1;
  // From the newest on: after days there may be hundreds of thousands, and each takes its time to reckon.
  for (let count = 0; count < most; count++) {
    const tick = calendar.notAfter(first - 1);
    if (tick === undefined || tick <= last) break;
    first = tick;
  }
  return first - 1;
}

function printOf(entries: readonly Entry[]): string {
  const parts = entries.map(({ schedule: { input, ...rest } }) => ({ ...rest, input: textOf(input) }));
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

/** An input as text: what JSON refuses, such as a bigint, tells nothing apart. */
function textOf(input: unknown): string {
  if (typeof input === "function") return String(input);
  try {
    return JSON.stringify(input) ?? "";
  } catch {
    return "";
  }
}
