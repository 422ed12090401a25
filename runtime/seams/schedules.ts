/**
 * The seam to what workers share of schedules: which of them leads a queue's, how far each schedule has come, and those
 * that were made at run time.
 */

/** A worker that leads a queue's schedules, or would. */
export interface Candidate {
  readonly worker: string;
  /** When it started. It takes the lead from one that started before and that has other schedules: a deploy is under way. */
  readonly startedAt: number;
  /** What tells the schedules of its contracts from those of others. */
  readonly print: string;
  /** How long it leads without asking again, in milliseconds; 0 gives the lead up. */
  readonly lease: number;
  /** Which change of the schedules that were made at run time it knows. */
  readonly version: number;
  /** How far schedules have come since it asked before: the last tick that was dealt with, by track. */
  readonly ticks: ReadonlyMap<string, number>;
  /** Tracks that are no longer those of a schedule. */
  readonly forgotten: readonly string[];
}

/** What a candidate is answered. */
export type Lead =
  | {
      readonly leads: false;
      /** Milliseconds until the one that leads would have to ask again. */
      readonly left: number;
    }
  | {
      readonly leads: true;
      /** Milliseconds since 1970 by the store's clock. */
      readonly now: number;
      /** Whether it has not led just before. */
      readonly begins: boolean;
      readonly version: number;
      /** Absent where it leads on and knows the version. */
      readonly shared?: SharedSchedules;
    };

/** What a leader has to know. */
export interface SharedSchedules {
  /** For how long nobody had led, in milliseconds; `undefined` where nobody ever has, as far as is known. */
  readonly gap: number | undefined;
  /** The schedules that were made at run time, by id. */
  readonly made: ReadonlyMap<string, string>;
  /** How far each schedule has come, by track. */
  readonly ticks: ReadonlyMap<string, number>;
}

/** A schedule that is made at run time. */
export interface MadeSchedule {
  readonly id: string;
  /** What its progress is kept under: another one where it is due at other times. */
  readonly track: string;
  /** What it is, as text. */
  readonly definition: string;
}

/** Keeps what workers share of schedules. Everything that this seam promises is shown by `test/conformance`. */
export interface ScheduleStore {
  /** Takes, keeps or gives up the lead of a queue's schedules. */
  lead(queue: string, candidate: Candidate): Promise<Lead>;
  /** Makes a schedule, or another of it; it begins now. */
  put(queue: string, schedule: MadeSchedule): Promise<void>;
  /** Ends a schedule; false if there was none. */
  remove(queue: string, id: string): Promise<boolean>;
  /** The schedules that were made at run time, by id, and how far each schedule has come, by track. */
  read(
    queue: string,
  ): Promise<{ readonly made: ReadonlyMap<string, string>; readonly ticks: ReadonlyMap<string, number> }>;
  /** Tells when schedules are made or ended, or the lead is taken from its leader, until what it returns is called. */
  watch(queue: string, changed: () => void): () => void;
}

/** How long a store remembers of a queue how far its schedules have come, while nobody leads them: 30 days, in milliseconds. */
export const PROGRESS_TTL = 30 * 24 * 60 * 60_000;
