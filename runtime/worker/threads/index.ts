/** The threads of a worker, in which the handlers of actors run that are declared `isolate: true`. */
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Piscina } from "piscina";
import { compile, isCompiled } from "../../compiler/index.js";
import { InvalidOptionError, MissingHandlerError, type ShutdownError } from "../../vocabulary/errors.js";
import { refuseUnknownOptions } from "../../support/given-options.js";
import type { AnyHandler } from "../handler.js";
import type { Logger } from "../logger.js";
import type { Middleware } from "../middleware/compose.js";
import type { MiddlewareTask, ProgressTask, Task } from "../task.js";
import { ThreadAttempt } from "./attempt.js";
import type { Place } from "./protocol.js";

/** Where threads find their handlers, and how many threads there are. */
export interface IsolateOptions {
  /**
   * The module that exports the handlers, by group as the worker is given them: `new URL("./handlers/index.js",
   * import.meta.url)`. TypeScript is compiled when the worker starts; `.js` stands for the `.ts` beside it, as in imports.
   */
  readonly handlers: URL | string;
  /** How many threads there are at most. Default: as many as the machine has processors, and not more than `concurrency`. */
  readonly threads?: number;
  /** How much memory the values of one thread may take, in MiB. A thread that needs more is ended. Default: what Node allows. */
  readonly memory?: number;
}

/** Which handler of the module is meant: a group's, under the name of its actor's export. */
export type ThreadHandler = Omit<Place, "module">;

/** How long a thread without work is kept, in milliseconds. */
const IDLE_TIME = 60_000;

/** A message that waits for a thread. */
interface Waiting {
  readonly task: MiddlewareTask;
  readonly go: () => void;
}

export class Threads {
  readonly #options: IsolateOptions;
  readonly #file: string;
  readonly #logger: Logger;
  readonly #attempts = new Map<Task, { readonly attempt: ThreadAttempt; readonly ended: Promise<void> }>();
  readonly #waiting = new Set<Waiting>();
  #free = 0;
  #pool: Piscina | undefined;
  #module = "";
  #compiled: string | undefined;

  constructor(given: URL | string | IsolateOptions, logger: Logger) {
    this.#options = checkOptions(given);
    this.#file = fileOf(this.#options.handlers);
    this.#logger = logger;
  }

  /** The handler of an actor, which has a thread do the work. */
  handler(group: string, name: string): AnyHandler {
    return (input: unknown, task) => this.#attempt({ module: this.#module, group, name }, input, task);
  }

  /** Waits for a thread before the attempt begins, and after it until the thread is free again. */
  readonly layer: Middleware = async (task, next) => {
    await this.#take(task);
    try {
      return await next();
    } finally {
      await this.#attempts.get(task)?.ended;
      this.#giveBack();
    }
  };

  /** Makes threads ready for some handlers. Says which of them their module does not have, and what else is wrong with it. */
  async open(concurrency: number, handlers: readonly ThreadHandler[]): Promise<void> {
    const { threads = Math.min(availableParallelism(), concurrency), memory } = this.#options;
    const { Piscina } = await import("piscina").catch((error: unknown) => {
      throw new InvalidOptionError("Threads need the package piscina: npm install piscina", { cause: error });
    });
    if (!isCompiled(this.#file)) this.#compiled = await compile(this.#file);
    this.#module = pathToFileURL(this.#compiled ?? this.#file).href;
    this.#pool = new Piscina({
      filename: threadFile(),
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: IDLE_TIME,
      // Without them a thread sleeps between two attempts as a whole, with every connection that its handlers keep.
      atomics: "disabled",
      recordTiming: false,
      ...(memory !== undefined && { resourceLimits: { maxOldGenerationSizeMb: memory } }),
    });
    this.#pool.on("error", (error: unknown) =>
      this.#logger.warn({ err: error }, "a thread ended by itself between two messages"),
    );
    this.#free = threads;
    try {
      await this.#check(this.#pool, handlers);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Gives back what waits for a thread. */
  refuse(reason: ShutdownError): void {
    for (const { task } of this.#waiting) task.abort(reason);
  }

  /** Ends the threads whose attempts do not end by themselves within a short time. */
  end(): void {
    for (const { attempt } of this.#attempts.values()) attempt.end();
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    await this.#pool?.destroy();
    if (this.#compiled !== undefined) rmSync(this.#compiled, { force: true });
  }

  async #check(pool: Piscina, handlers: readonly ThreadHandler[]): Promise<void> {
    const places = handlers.map((place) => ({ ...place, module: this.#module }));
    let missing: readonly string[];
    try {
      // A thread that cannot even begin answers nothing.
      const broken = once(pool, "error").then(([error]) => Promise.reject(error as Error));
      missing = (await Promise.race([pool.run(places, { name: "missing" }), broken])) as readonly string[];
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new InvalidOptionError(`The handlers ${this.#file} cannot be loaded in a thread: ${message}`, {
        cause: error,
      });
    }
    if (missing.length > 0) throw new MissingHandlerError(missing, this.#file);
  }

  async #attempt(place: Place, input: unknown, task: ProgressTask<never>): Promise<unknown> {
    if (this.#pool === undefined) throw new InvalidOptionError("The worker's threads are not open.");
    const attempt = new ThreadAttempt(task);
    const running = attempt.run(this.#pool, place, input);
    const ended = running.then(
      () => undefined,
      () => undefined,
    );
    this.#attempts.set(task, { attempt, ended });
    try {
      return await running;
    } finally {
      this.#attempts.delete(task);
    }
  }

  #take(task: MiddlewareTask): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        task,
        go: () => {
          task.signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      const leave = () => {
        this.#waiting.delete(waiting);
        reject(task.abortReason ?? new Error("aborted"));
      };
      task.signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiting);
    });
  }

  #giveBack(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next.go();
  }
}

const optionNames = ["handlers", "threads", "memory"] as const satisfies (keyof IsolateOptions)[];

function checkOptions(given: URL | string | IsolateOptions): IsolateOptions {
  if (typeof given === "string" || given instanceof URL) return { handlers: given };
  refuseUnknownOptions('the worker\'s "isolate"', given, optionNames);
  for (const name of ["threads", "memory"] as const) {
    const { [name]: value = 1 } = given;
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new InvalidOptionError(`"isolate": "${name}" must be a whole number, 1 or more; it is ${value}.`);
  }
  return given;
}

function fileOf(module: URL | string): string {
  const url = URL.canParse(String(module)) ? new URL(module) : undefined;
  const shown = JSON.stringify(String(module));
  const help = 'new URL("./handlers/index.js", import.meta.url)';
  if (url?.protocol !== "file:") {
    throw new InvalidOptionError(`"isolate" must be the URL of a file that exports handlers: ${help}; it is ${shown}.`);
  }
  const path = fileURLToPath(url);
  // As in an import: what is not compiled yet is named as it will be.
  const found = [path, path.replace(/\.([cm]?)js$/, ".$1ts")].find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new InvalidOptionError(`"isolate" names a file that is not there: ${path}. Write it as in ${help}.`);
}

/** The program of the threads: always a built one, for threads run what Node runs. */
function threadFile(): string {
  const beside = fileURLToPath(new URL("../worker/thread.js", import.meta.url));
  if (existsSync(beside)) return beside;
  // This file is run from its sources, or was bundled with somebody's own.
  try {
    const manifest = createRequire(import.meta.url).resolve("callboard/package.json");
    return join(dirname(manifest), "dist", "worker", "thread.js");
  } catch (error) {
    const help = "Leave callboard out of your bundle, and have it installed where that runs.";
    throw new InvalidOptionError(`The program of the threads is not where callboard is. ${help}`, { cause: error });
  }
}
