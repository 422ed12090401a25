/** Keeps a number of worker processes: starts again those that die, and puts new ones in the place of old ones. */
import { settlesWithin, type Clock } from "../support/clock.js";
import { Failure } from "./exit.js";
import type { ProcessMetrics } from "../metrics/processes.js";
import type { Logger } from "../worker/logger.js";
import type { Report, WorkerFacts } from "./protocol.js";
import { failedLaunch, type Ending, type WorkerProcess } from "./worker-process.js";

/** The wait before a process that died is started again, in milliseconds. It doubles with each death in a row. */
const SHORTEST_WAIT = 100;
const LONGEST_WAIT = 30_000;
/** How long a process must have lived for its death to count as the first in a row, in milliseconds. */
const A_WHILE = 30_000;
/** How long new processes may take to start in the place of old ones, in milliseconds: the next change waits for them. */
const LONGEST_START = 60_000;
/** How long old processes are kept for new ones that do not fetch yet, in milliseconds: the broker may be down. */
const OVERLAP = 5000;

/** The signal of what is not given up. */
const never = new AbortController().signal;

/** Starts the process for a place, from 1. One that throws counts as a process that died at once. */
export type Launch = (place: number) => WorkerProcess;

/** What a supervisor works with. */
export interface SupervisorOptions {
  readonly processes: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How the process of a place is now. What is absent is not known: it does not answer, or waits to be started again. */
export interface PlaceReport extends Partial<Report> {
  readonly process: number;
  readonly pid?: number | undefined;
  /** Whether it has begun to take messages, and is not ending. */
  readonly started: boolean;
}

/** One of the processes that there should be. */
interface Place {
  readonly number: number;
  process: WorkerProcess | undefined;
  startedAt: number;
  /** How many processes died here in a row. */
  deaths: number;
  cancelRestart: () => void;
  /** Its own file has stopped its worker. */
  isFinished: boolean;
}

/** Keeps worker processes. */
export class Supervisor {
  /** Resolves when there is nothing to keep any more: every process has ended because its own file stopped its worker. */
  readonly finished: Promise<void>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #places: readonly Place[];
  /** Every process that lives: also those that are being started, and old ones that finish what they have. */
  readonly #alive = new Set<WorkerProcess>();
  /** Those of them that have been put in their place: also old ones. */
  readonly #inService = new Set<WorkerProcess>();
  #isStopping = false;
  #onFinished: () => void = () => undefined;

  constructor({ processes, clock, log }: SupervisorOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#places = Array.from({ length: processes }, (_, index) => ({
      number: index + 1,
      process: undefined,
      startedAt: 0,
      deaths: 0,
      cancelRestart: () => undefined,
      isFinished: false,
    }));
    this.finished = new Promise((resolve) => (this.#onFinished = resolve));
  }

  /** How many handlers run, in all processes that answer. */
  async running(): Promise<number> {
    const reports = await Promise.all([...this.#alive].map((process) => process.report()));
    return reports.reduce((sum, report) => sum + (report?.running ?? 0), 0);
  }

  /** How each process is. */
  reports(): Promise<readonly PlaceReport[]> {
    return Promise.all(
      this.#places.map(async ({ number, process }) => {
        // What it says of itself comes first: it may begin while it is asked.
        const report = await process?.report();
        const started = process?.hasBegun === true && !this.#isStopping;
        return { process: number, pid: process?.pid, started, ...report };
      }),
    );
  }

  /** The metrics of each process that has been put in its place and has not ended; `undefined` where it tells none. */
  async measure(): Promise<ReadonlyMap<WorkerProcess, ProcessMetrics | undefined>> {
    const measuring = [...this.#inService].map(async (process) => [process, await process.measure()] as const);
    return new Map(await Promise.all(measuring));
  }

  /**
   * Starts a process for each place. Once all of them have begun, they take the place of the old ones, which finish what
   * they have and end. Where one cannot be started, the old ones stay, and what was wrong is thrown; the same at the
   * signal, which gives them up. Returns what runs.
   */
  async deploy(launch: Launch, signal = never): Promise<readonly WorkerFacts[]> {
    if (this.#isStopping) return [];
    const fresh = this.#places.map((place) => ({ place, process: this.#start(launch, place) }));
    const processes = fresh.map(({ process }) => process);
    const isFirst = this.#places.every(({ process }) => process === undefined);
    let facts: readonly WorkerFacts[];
    try {
      const begun = isFirst ? allReady(processes) : this.#canTakeOver(processes);
      facts = await Promise.race([begun, aborted(signal)]);
    } catch (error) {
      for (const process of processes) process.stop();
      // What is given up must not hold up what comes instead.
      if (!signal.aborted) await Promise.all(processes.map((process) => process.ended));
      throw error;
    }
    for (const { place, process } of fresh) {
      place.process?.stop();
      place.deaths = 0;
      this.#put(place, process, launch);
    }
    return facts;
  }

  /** Has every process finish what runs and give back the rest; resolves when all of them have ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const { cancelRestart } of this.#places) cancelRestart();
    for (const process of this.#alive) process.stop();
    await Promise.all([...this.#alive].map((process) => process.ended));
  }

  /** Ends every process at once. */
  kill(): void {
    for (const process of this.#alive) process.kill();
  }

  /** Resolves when new processes can take the place of old ones. */
  async #canTakeOver(processes: readonly WorkerProcess[]): Promise<readonly WorkerFacts[]> {
    const ready = allReady(processes);
    if (!(await settlesWithin(this.#clock, LONGEST_START, ready))) {
      throw new Failure("The new worker was not started within a minute.");
    }
    const facts = await ready;
    await settlesWithin(this.#clock, OVERLAP, Promise.all(processes.map((process) => process.fetching)));
    return facts;
  }

  #start(launch: Launch, { number }: Place): WorkerProcess {
    const process = launched(() => launch(number));
    this.#alive.add(process);
    void process.ended.then(() => this.#alive.delete(process));
    return process;
  }

  #put(place: Place, process: WorkerProcess, launch: Launch): void {
    place.cancelRestart();
    place.process = process;
    place.startedAt = this.#clock.elapsed();
    place.isFinished = false;
    this.#inService.add(process);
    void process.ended.then((ending) => {
      this.#inService.delete(process);
      // An old process may end whenever it likes.
      if (place.process !== process || this.#isStopping) return;
      place.process = undefined;
      place.isFinished = ending.isFinished;
      if (!ending.isFinished) this.#startAgain(place, process, ending, launch);
      else if (this.#places.every(({ isFinished }) => isFinished)) this.#onFinished();
    });
  }

  #startAgain(place: Place, { pid }: WorkerProcess, { how }: Ending, launch: Launch): void {
    const hasLived = this.#clock.elapsed() - place.startedAt >= A_WHILE;
    place.deaths = hasLived ? 1 : place.deaths + 1;
    const wait = Math.min(SHORTEST_WAIT * 2 ** (place.deaths - 1), LONGEST_WAIT);
    this.#log.error({ process: place.number, processId: pid, how, wait }, "worker process died, it is started again");
    place.cancelRestart = this.#clock.after(wait, () => {
      const process = this.#start(launch, place);
      process.ready.catch((error: unknown) => {
        this.#log.error(
          { process: place.number, processId: process.pid, err: error },
          "worker process could not be started",
        );
      });
      this.#put(place, process, launch);
    });
  }
}

function allReady(processes: readonly WorkerProcess[]): Promise<readonly WorkerFacts[]> {
  return Promise.all(processes.map((process) => process.ready));
}

/** Rejects at the signal. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

function launched(launch: () => WorkerProcess): WorkerProcess {
  try {
    return launch();
  } catch (error) {
    return failedLaunch(error);
  }
}
