/** What is measured: a row has measures, and contenders that take turns. */
import type { Session, Setting, SystemName, Systems } from "./system.js";

/** How a figure is written, and whether more of it is better. */
export type Unit = "per second" | "ms" | "seconds" | "bytes" | "MB" | "µs" | "count" | "percent";

/** What one run measured, by the names of the row's measures. */
export type Sample = Readonly<Record<string, number>>;

/** The servers that the bench starts: each when its first row comes. */
export type ServerName = "redis" | "redis, everysec" | "redis, always" | "redis, 1 ms away" | "rabbitmq";

/** How much is done in a run. */
export interface Effort {
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
  /** Fewer rounds than usual, where every one gives the same. */
  readonly rounds?: number;
  /** What is on the server stays there between runs. Default: each run finds it empty. */
  readonly keeps?: boolean;
  /** Left out of a quick run. */
  readonly thorough?: boolean;
}

/** A contender whose runs each have a session of their own. */
export function contender(
  name: string,
  system: SystemName,
  setting: Setting,
  run: (session: Session, lane: Lane, pace: number) => Promise<Sample>,
): Contender {
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

/** A contender that needs nothing but itself. */
export function simple(name: string, run: (lane: Lane) => Promise<Sample>): Contender {
  return { name, open: async (lane) => ({ run: () => run(lane), close: async () => undefined }) };
}
