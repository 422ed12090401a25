/** A worker in a process of its own, as the command sees it. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { systemClock } from "../clock.js";
import { defaults } from "../defaults.js";
import type { StartOptions } from "../worker/worker.js";
import { Failure, UsageError } from "./exit.js";
import type { Output } from "./output.js";
import type { Program } from "./program.js";
import { isNews, type News, type Order, type Report, type WorkerFacts } from "./protocol.js";

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
  readonly overrides: StartOptions;
  readonly env: NodeJS.ProcessEnv;
  readonly output: Output;
}

/** How long a process may take to answer, in milliseconds. One whose event loop is blocked does not. */
const PATIENCE = 1000;
/** How much longer than its worker's `shutdownTimeout` a process may take to end, in milliseconds. */
const GRACE = 15_000;

/** From this module's folder, and from that of the chunks which the bundler makes. */
const script = fileURLToPath(new URL("../cli/child.js", import.meta.url));

/** Starts a process. */
export function startWorkerProcess({ number, program, file, overrides, env, output }: WorkerProcessOptions) {
  const module = program.place();
  const child = fork(script, { env, stdio: ["ignore", output.stdio, output.stdio, "ipc"] });
  output.attach(number, child);
  const started = new ForkedWorker(child);
  started.order({ kind: "run", assignment: { module: module.path, file, overrides } });
  started.ready.then(module.remove, module.remove);
  return started;
}

class ForkedWorker implements WorkerProcess {
  readonly ready: Promise<WorkerFacts>;
  readonly fetching: Promise<void>;
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (report: Report | undefined) => void>();
  #questions = 0;
  #hasBegun = false;
  #shutdownTimeout: number = defaults.worker.shutdownTimeout;

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
    const hear = (news: News) => {
      switch (news.kind) {
        case "ready":
          this.#shutdownTimeout = news.worker.shutdownTimeout;
          return onReady(news.worker);
        case "fetching":
          this.#hasBegun = true;
          return onFetching();
        case "failed":
          return onFailed(news.isUsage ? new UsageError(news.text) : new Failure(news.text));
        case "finished":
          isFinished = true;
          return;
        case "report":
          return this.#answers.get(news.id)?.(news.report);
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
    const id = ++this.#questions;
    return new Promise<Report | undefined>((resolve) => {
      this.#answers.set(id, resolve);
      setTimeout(() => resolve(undefined), PATIENCE).unref();
      void this.ended.then(() => resolve(undefined));
      this.order({ kind: "report", id });
    }).finally(() => this.#answers.delete(id));
  }

  stop(): void {
    this.order({ kind: "stop" });
    const cancel = systemClock.after(this.#shutdownTimeout + GRACE, () => this.kill());
    void this.ended.then(cancel);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Tells the process something, unless it is gone. */
  order(order: Order): void {
    if (this.#child.connected) this.#child.send(order, () => undefined);
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
