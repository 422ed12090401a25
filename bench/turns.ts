/** Measures a row: each contender has a process of its own for all rounds, and they take turns, A B C A B C. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Effort, Row, Sample } from "./row.js";

/** What a lane is told. */
export type Instruction = { readonly open: string } | "run" | "close";
/** What it says to each. */
export type Answer = { readonly sample: Sample } | { readonly error: string };

/** A run that takes longer has hung. In milliseconds. */
const PATIENCE = 120_000;

/** What a contender measured in each round; or why it could not. */
export interface Runs {
  readonly contender: string;
  readonly samples: readonly Sample[];
  readonly error?: string;
}

export interface TurnsOptions {
  readonly url: string;
  readonly rounds: number;
  readonly effort: Effort;
  /** Empties the server; asked before each run. */
  readonly clear: () => Promise<void>;
}

/** Takes turns; the first round is to warm up and does not count, except of what is exact. A contender that fails is out, the others go on. */
export async function takeTurns(row: Row, { url, rounds, effort, clear }: TurnsOptions): Promise<readonly Runs[]> {
  const entrants = row.contenders.map(({ name }) => new Entrant(name, new LaneProcess(row.id, name, effort)));
  await clear();
  try {
    for (const entrant of entrants) await entrant.tell({ open: url });
    for (let round = row.exact === true ? rounds : 0; round <= rounds; round++) {
      for (const entrant of entrants) {
        if (row.keeps !== true) await clear();
        const sample = await entrant.tell("run");
        if (round > 0 && sample !== undefined) entrant.samples.push(sample);
      }
    }
    for (const entrant of entrants) await entrant.tell("close");
  } finally {
    await Promise.all(entrants.map(({ lane }) => lane.end()));
  }
  return entrants.map(({ contender, samples, error }) => ({
    contender,
    samples,
    ...(error === undefined ? {} : { error }),
  }));
}

class Entrant {
  readonly samples: Sample[] = [];
  error: string | undefined;

  constructor(
    readonly contender: string,
    readonly lane: LaneProcess,
  ) {}

  async tell(instruction: Instruction): Promise<Sample | undefined> {
    if (this.error !== undefined) return undefined;
    try {
      return await this.lane.tell(instruction);
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  }
}

class LaneProcess {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;

  constructor(row: string, contender: string, effort: Effort) {
    const program = fileURLToPath(new URL("lane.js", import.meta.url));
    this.#child = fork(program, [row, contender, JSON.stringify(effort)], {
      execArgv: ["--enable-source-maps"],
      // Standard output is the table's, or the JSON's.
      stdio: ["ignore", 2, 2, "ipc"],
    });
    this.#gone = once(this.#child, "exit");
  }

  async tell(instruction: Instruction): Promise<Sample> {
    const patience = new AbortController();
    const answered = once(this.#child, "message", { signal: patience.signal }) as Promise<[Answer]>;
    const gone = this.#gone.then(() => Promise.reject(new Error("Its process ended.")));
    const timer = setTimeout(() => patience.abort(), PATIENCE);
    this.#child.send(instruction);
    try {
      const [answer] = await Promise.race([answered, gone]);
      if ("error" in answer) throw new Error(answer.error);
      return answer.sample;
    } finally {
      clearTimeout(timer);
    }
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#gone;
  }
}
