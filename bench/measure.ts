/** How things are measured: contenders take turns, each run counts the same work, and only ratios within a run are compared. */

/** One way of doing the work of a row. */
export interface Contender {
  readonly name: string;
  /** Does the work once; returns what it measured, in the row's unit. Whatever is not the work stays outside the clock. */
  readonly run: () => Promise<number>;
}

/** What is measured, by whom. The first contender is ours, the others are what it is compared with. */
export interface Row {
  readonly name: string;
  readonly unit: "per second" | "ms";
  readonly contenders: readonly Contender[];
}

export interface Figure {
  readonly contender: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Ours against this one, run by run: the median. More is better for rates, less for times. */
  readonly ratio: number;
}

export interface Measured {
  readonly row: string;
  readonly unit: Row["unit"];
  readonly figures: readonly Figure[];
}

/** Runs a row: one round that is not counted, then the contenders in turn, A B A B. */
export async function measure(row: Row, rounds: number): Promise<Measured> {
  for (const { run } of row.contenders) await run();
  const values = row.contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run }] of row.contenders.entries()) values[i]?.push(await run());
  }
  const ours = values[0] ?? [];
  const figures = row.contenders.map(({ name }, i): Figure => {
    const runs = values[i] ?? [];
    const ratios = runs.map((value, round) => (ours[round] ?? 0) / value);
    return {
      contender: name,
      median: median(runs),
      min: Math.min(...runs),
      max: Math.max(...runs),
      ratio: median(ratios),
    };
  });
  return { row: row.name, unit: row.unit, figures };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** How often a second the work was done. */
export async function rate(count: number, work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (count / (performance.now() - started)) * 1000;
}

/** Does `count` things, `width` at a time. */
export async function inFlight(count: number, width: number, one: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
