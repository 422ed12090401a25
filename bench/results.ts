/** What a bench run found, as it is kept in results.json: every run of every contender, and what follows from them. */
import type { Machine } from "./machine.js";
import { quantile } from "./meter.js";
import type { Row, Unit } from "./row.js";
import type { Runs } from "./turns.js";

/** One measure of one contender. */
export interface Figure {
  readonly runs: readonly number[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly quartiles: readonly [number, number];
}

export interface Standing {
  readonly contender: string;
  /** By the names of the row's measures. */
  readonly figures: Readonly<Record<string, Figure>>;
  /** Why it has no figures. */
  readonly error?: string;
}

export interface Measured {
  readonly id: string;
  readonly group: string;
  readonly title: string;
  readonly measures: Readonly<Record<string, Unit>>;
  readonly standings: readonly Standing[];
}

/** A whole run of the bench: results.json. */
export interface Results {
  readonly date: string;
  readonly machine: Machine;
  /** In words: what was run how often, and with which settings of the servers. */
  readonly settings: readonly string[];
  readonly seconds: number;
  readonly rows: readonly Measured[];
}

/** Sums up a row's runs. */
export function sumUp({ id, group, title, measures }: Row, all: readonly Runs[]): Measured {
  const standings = all.map(({ contender, samples, error }): Standing => {
    const figures = Object.keys(measures).flatMap((measure) => {
      const runs = samples.flatMap((sample) => sample[measure] ?? []);
      return runs.length === 0 ? [] : [[measure, figureOf(runs)] as const];
    });
    return { contender, figures: Object.fromEntries(figures), ...(error === undefined ? {} : { error }) };
  });
  return { id, group, title, measures, standings };
}

function figureOf(runs: readonly number[]): Figure {
  return {
    runs: runs.map((run) => Number(run.toPrecision(5))),
    median: quantile(runs, 0.5),
    min: Math.min(...runs),
    max: Math.max(...runs),
    quartiles: [quantile(runs, 0.25), quantile(runs, 0.75)],
  };
}

/** One contender against another: the median of the ratios run by run, as runs of one round had the same machine. */
export function ratio(measured: Measured, measure: string, ours: string, theirs: string): number | undefined {
  const runsOf = (name: string) =>
    measured.standings.find(({ contender }) => contender === name)?.figures[measure]?.runs ?? [];
  const others = runsOf(theirs);
  const ratios = runsOf(ours).flatMap((run, round) => {
    const other = others[round];
    return other === undefined || other === 0 ? [] : [run / other];
  });
  return ratios.length === 0 ? undefined : quantile(ratios, 0.5);
}
