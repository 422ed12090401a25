/** A worker in a process of its own, as the command sees it. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { systemClock } from "../support/clock.js";
import type { ProcessMetrics } from "../metrics/processes.js";
import { Failure, MissingHandlers, UsageError } from "./exit.js";
import type { Output } from "./output.js";
import type { Program } from "./program.js";
import {
  isNews,
  LOADING_TIME,
  type News,
  type Order,
  type Overrides,
  type Report,
  type WorkerFacts,
} from "./protocol.js";

/** A process that was started. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Resolves when the worker was started; rejects when it could not be. */
  readonly ready: Promise<WorkerFacts>;
  /** Resolves when it has begun to take messages, or has ended. */
  readonly fetching: Promise<void>;
  /** Whether it has begun. */
  readonly hasBegun: boolean;
  readonly ended: Promise<Ending>;
  /** How it is; `undefined` where it does not answer. */
  report(): Promise<Report | undefined>;
  /** What it has counted and measured; `undefined` where it does not answer, or has no metrics. */
  measure(): Promise<ProcessMetrics | undefined>;
  /** Has it finish what runs, give back the rest, and end. It is killed if that takes longer than it may. */
  stop(): void;
  kill(): void;
}

/** How a process ended. */
export interface Ending {
  /** Whether its own file had stopped the worker: there is nothing to start again. */
  readonly isFinished: boolean;
  /** For people: `code 1`, `SIGKILL`. */
  readonly how: string;
}

/** What a process is started with. */
export interface WorkerProcessOptions {
  /** Which of the command's processes it is, from 1. */
  readonly number: number;
  readonly program: Program;
  /** The program's file, as the user named it. */
  readonly file: string;
  readonly overrides: Overrides;
  /** Whether it will be asked for metrics. */
  readonly isMeasured: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly output: Output;
}

/** How long a process may take to say how it is, in milliseconds. One whose event loop is blocked does not. */
const PATIENCE = 1000;
/** How long it may take to tell its metrics, in milliseconds: for some of them it asks the broker. */
const PATIENCE_FOR_METRICS = 5000;
/** How much longer than its worker's `shutdownTimeout` a process may take to end, in milliseconds. */
const GRACE = 15_000;
/** How long one may take that has not started its worker, in milliseconds: it hangs, maybe in an endless loop. */
const GRACE_WHILE_LOADING = 2 * LOADING_TIME;

/** From this module's folder, and from that of the chunks which the bundler makes. */
const script = fileURLToPath(new URL("../cli/child.js", import.meta.url));

/** Starts a process. */
export function startWorkerProcess(options: WorkerProcessOptions) {
  const { number, program, file, overrides, isMeasured, env, output } = options;
  const module = program.place();
  // Metrics may be numbers that JSON does not have.
  const child = fork(script, {
    env,
    execArgv: nodeOptions(number),
    serialization: "advanced",
    stdio: ["ignore", output.stdio, output.stdio, "ipc"],
  });
  output.attach(number, child);
  const started = new ForkedWorker(child);
  started.order({ kind: "run", assignment: { module: module.path, file, overrides, isMeasured } });
  started.ready.then(module.remove, module.remove);
  return started;
}

/** A process that could not even be launched, as one that ended before its worker was started. */
export function failedLaunch(error: unknown): WorkerProcess {
  const nothing = () => undefined;
  return {
    pid: undefined,
    ready: Promise.reject(error),
    fetching: Promise.resolve(),
    hasBegun: false,
    ended: Promise.resolve({ isFinished: false, how: "launch failed" }),
    report: () => Promise.resolve(undefined),
    measure: () => Promise.resolve(undefined),
    stop: nothing,
    kill: nothing,
  };
}

/** Those of the command. Where it is debugged, on port 9229 say, its first process is on 9230, the second on 9231. */
function nodeOptions(number: number): string[] {
  const isDebugged = process.execArgv.some((option) => option.startsWith("--inspect"));
  return isDebugged ? [...process.execArgv, `--inspect-port=${process.debugPort + number}`] : process.execArgv;
}

function failureOf({ text, isUsage, unhandled }: Extract<News, { kind: "failed" }>): Error {
  if (unhandled !== undefined) return new MissingHandlers(text, unhandled);
  return isUsage ? new UsageError(text) : new Failure(text);
}

class ForkedWorker implements WorkerProcess {
  readonly ready: Promise<WorkerFacts>;
  readonly fetching: Promise<void>;
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #reports = new Questions<Report>();
  readonly #metrics = new Questions<ProcessMetrics>();
  #hasBegun = false;
  #timeToEnd = GRACE_WHILE_LOADING;
  #cancelKill: (() => void) | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    let isFinished = false;
    let onReady: (worker: WorkerFacts) => void;
    let onFailed: (error: Error) => void;
    let onFetching: () => void;
    this.ready = new Promise((resolve, reject) => ([onReady, onFailed] = [resolve, reject]));
    this.fetching = new Promise((resolve) => (onFetching = resolve));
    this.ended = ended(child).then((how) => {
      onFailed(new Failure(`The worker's process ended with ${how} before the worker was started.`));
      onFetching();
      return { isFinished, how };
    });
    const begin = () => {
      this.#hasBegun = true;
      onFetching();
    };
    const hear = (news: News) => {
      switch (news.kind) {
        case "ready":
          this.#timeToEnd = news.worker.shutdownTimeout + GRACE;
          // It was told to stop before: it does, and may run handlers until then.
          if (this.#cancelKill !== undefined) this.#killLater();
          return onReady(news.worker);
        case "fetching":
          return begin();
        case "failed":
          return onFailed(failureOf(news));
        case "finished":
          isFinished = true;
          return;
        case "report":
          // It may be asked before it has told by itself.
          if (news.report.healthy) begin();
          return this.#reports.answer(news.id, news.report);
        case "metrics":
          return this.#metrics.answer(news.id, news.metrics);
      }
    };
    child.on("message", (message) => {
      if (isNews(message)) hear(message);
    });
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  report(): Promise<Report | undefined> {
    return this.#reports.ask(PATIENCE, this.ended, (id) => this.order({ kind: "report", id }));
  }

  measure(): Promise<ProcessMetrics | undefined> {
    return this.#metrics.ask(PATIENCE_FOR_METRICS, this.ended, (id) => this.order({ kind: "measure", id }));
  }

  stop(): void {
    this.order({ kind: "stop" });
    this.#killLater();
    void this.ended.then(() => this.#cancelKill?.());
  }

  #killLater(): void {
    this.#cancelKill?.();
    this.#cancelKill = systemClock.after(this.#timeToEnd, () => this.kill());
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Tells the process something, unless it is gone. */
  order(order: Order): void {
    if (this.#child.connected) this.#child.send(order, () => undefined);
  }
}

/** Questions that a process was asked and has not answered yet. */
class Questions<Answer> {
  readonly #open = new Map<number, (answer: Answer | undefined) => void>();
  #asked = 0;

  /** Resolves with the answer; without one where it takes too long, or the process ends. */
  ask(patience: number, ended: Promise<unknown>, put: (id: number) => void): Promise<Answer | undefined> {
    const id = ++this.#asked;
    return new Promise<Answer | undefined>((resolve) => {
      this.#open.set(id, resolve);
      const giveUp = () => resolve(undefined);
      setTimeout(giveUp, patience).unref();
      void ended.then(giveUp);
      put(id);
    }).finally(() => this.#open.delete(id));
  }

  answer(id: number, answer: Answer): void {
    this.#open.get(id)?.(answer);
  }
}

/** Resolves when a process has ended, and all that it said has been heard. */
function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      if (child.pid === undefined) resolve(error.message);
    });
    child.once("exit", (code, signal) => {
      const how = signal ?? `code ${code}`;
      if (child.connected) child.once("disconnect", () => resolve(how));
      else resolve(how);
    });
  });
}
