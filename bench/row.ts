/** What is measured: a row has measures, and contenders that take turns. */
import type { Session, Setting, SystemName, Systems, Trial, TrialName } from "./system.js";

/** How a figure is written, and whether more of it is better. */
export type Unit = "per second" | "ms" | "seconds" | "bytes" | "MB" | "µs" | "count" | "percent";

/** What one run measured, by the names of the row's measures. */
export type Sample = Readonly<Record<string, number>>;

/** The servers that the bench starts: each when its first row comes. */
export type ServerName = "redis" | "redis, everysec" | "redis, always" | "redis, 1 ms away" | "rabbitmq";

/** How much is done in a run. */
export interface Effort {
  /** A quick run leaves out what takes longest. */
  readonly quick: boolean;
  /** How long a rate is measured at most. */
  readonly seconds: number;
  /** How many of what is timed one by one. */
  readonly samples: number;
}

/** What a contender has at hand in the process that is its own. */
export interface Lane {
  readonly url: string;
  readonly effort: Effort;
  readonly systems: Systems;
  /** Opens a session with names of its own. */
  open(system: SystemName, setting?: Setting, prefix?: string): Promise<Session>;
  /** Gets a piece of work ready that is more than one message. */
  trial(name: TrialName): Promise<Trial>;
}

/** A contender that is ready. It is run once for nothing, then once each round. */
export interface Ready {
  run(): Promise<Sample>;
  close(): Promise<void>;
}

/** One way of doing the work of a row. */
export interface Contender {
  readonly name: string;
  /** Gets ready for all rounds. Whatever is not the work stays outside the clock. */
  open(lane: Lane): Promise<Ready>;
}

export interface Row {
  /** Short and lasting: bars name it. */
  readonly id: string;
  readonly group: string;
  readonly title: string;
  readonly measures: Readonly<Record<string, Unit>>;
  readonly server?: ServerName;
  readonly contenders: readonly Contender[];
  /** It counts what is the same each time: one run is enough, and none is for nothing. */
  readonly exact?: boolean;
  /** Fewer rounds than usual, as each takes long. */
  readonly rounds?: number;
  /** What is on the server stays there between runs. Default: each run finds it empty. */
  readonly keeps?: boolean;
  /** Left out of a quick run. */
  readonly thorough?: boolean;
}

/** How a row is run by each of several systems. */
export type Run = (session: Session, lane: Lane, pace: number) => Promise<Sample>;

/** A contender whose runs each have a session of their own. */
export function contender(name: string, system: SystemName, setting: Setting, run: Run): Contender {
  return {
    name,
    async open(lane) {
      const { pace } = await lane.systems[system]();
      return {
        async run() {
          const session = await lane.open(system, setting);
          try {
            return await run(session, lane, pace);
          } finally {
            await session.close();
          }
        },
        close: async () => undefined,
      };
    },
  };
}

/** The same run for several systems: their names in tables, and where they are found. */
export function contenders(
  systems: Readonly<Record<string, SystemName>>,
  setting: Setting,
  run: Run,
): readonly Contender[] {
  return Object.entries(systems).map(([name, system]) => contender(name, system, setting, run));
}

/** A contender that needs nothing but itself. */
export function simple(name: string, run: (lane: Lane) => Promise<Sample>): Contender {
  return { name, open: async (lane) => ({ run: () => run(lane), close: async () => undefined }) };
}

/** A piece of work that is more than one message, and how it is run. */
export function trying(name: string, trial: TrialName, run: (trial: Trial, lane: Lane) => Promise<Sample>): Contender {
  return simple(name, async (lane) => {
    const opened = await lane.trial(trial);
    try {
      return await run(opened, lane);
    } finally {
      await opened.close();
    }
  });
}
