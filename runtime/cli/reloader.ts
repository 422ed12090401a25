/** Builds the worker's program and brings it into service: at the start, at a signal, at a change; one after the other. */
import type { Clock } from "../support/clock.js";
import { explain } from "./exit.js";
import type { Program } from "./program.js";

/** How long a start may take before it is said, in milliseconds: who waits should know what for. */
const SLOW_START = 10_000;

/** What a reloader works with. */
export interface ReloaderOptions {
  /** Makes the program, or throws what is wrong with it. */
  readonly build: () => Promise<Program>;
  /**
   * Has the program take the place of the one that runs, or throws why it cannot; then the old one goes on. It is given
   * up, and throws, at the signal.
   */
  readonly deploy: (program: Program, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  /** Prints a line for whoever started the command. */
  readonly say: (line: string) => void;
}

const slow = `not started after ${SLOW_START / 1000} s: the worker's file, or what it imports, waits for something`;

/** A program that is not in service yet. */
interface Start {
  readonly program: Program;
  readonly superseded: AbortController;
}

/** Brings a program into service, again and again. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #inService: Program | undefined;
  #starting: Start | undefined;
  #lastBuild: Promise<unknown> = Promise.resolve();
  /** Whether the last turn found that what was written since cannot be brought into service. */
  #isBroken = false;
  #isUnderWay = false;
  #isClosed = false;
  /** What was asked for since the last turn began. */
  #asked: "refresh" | "reload" | undefined;

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** For the first time. Throws what is wrong. */
  async start(): Promise<void> {
    this.#isUnderWay = true;
    try {
      await this.#deploy(await this.#build());
    } finally {
      this.#isUnderWay = false;
      void this.#goOn();
    }
  }

  /** Once more if it has changed. What is wrong is said, not thrown. */
  refresh(): void {
    this.#ask("refresh");
  }

  /** Once more, whether it has changed or not. */
  reload(): void {
    this.#ask("reload");
  }

  /** Begins nothing more. */
  close(): void {
    this.#isClosed = true;
  }

  #ask(what: "refresh" | "reload"): void {
    if (this.#asked !== "reload") this.#asked = what;
    if (this.#starting === undefined) void this.#goOn();
    else void this.#reconsider(this.#starting);
  }

  /** One after the other: they write the same files. */
  #build(): Promise<Program> {
    const build = this.#lastBuild.then(this.#options.build);
    this.#lastBuild = build.catch(() => undefined);
    return build;
  }

  /** Tells whether the program is in service; it is not where another one is written meanwhile. */
  async #deploy(program: Program): Promise<boolean> {
    const starting = { program, superseded: new AbortController() };
    const { signal } = starting.superseded;
    this.#starting = starting;
    if (this.#asked !== undefined) void this.#reconsider(starting);
    const cancel = this.#options.clock.after(SLOW_START, () => this.#options.say(slow));
    try {
      await this.#options.deploy(program, signal);
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    } finally {
      this.#starting = undefined;
      cancel();
    }
    this.#inService = program;
    return true;
  }

  /** Gives up a start whose program has changed: a file that hangs while it is loaded must not hold up its repair. */
  async #reconsider({ program, superseded }: Start): Promise<void> {
    const written = await this.#build().catch(() => undefined);
    if (written?.text !== program.text) superseded.abort();
  }

  /** Takes turns as long as something was asked for. */
  async #goOn(): Promise<void> {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    while (this.#asked !== undefined && !this.#isClosed) {
      const line = await this.#turn(this.#asked === "reload");
      if (line !== undefined && !this.#isClosed) this.#options.say(line);
    }
    this.#isUnderWay = false;
  }

  /** Returns what is to be said of it. */
  async #turn(isForced: boolean): Promise<string | undefined> {
    this.#asked = undefined;
    const beganAt = performance.now();
    try {
      const program = await this.#build();
      if (this.#isClosed) return undefined;
      const wasBroken = this.#isBroken;
      this.#isBroken = false;
      if (!isForced && program.text === this.#inService?.text) {
        return wasBroken ? "all is well again: the worker runs this very code, and was not restarted" : undefined;
      }
      const isFirst = this.#inService === undefined;
      const isInService = await this.#deploy(program);
      // The first one is announced by what it serves.
      if (isFirst || !isInService) return undefined;
      return `reloaded in ${Math.round(performance.now() - beganAt)} ms`;
    } catch (error) {
      this.#isBroken = true;
      const what =
        this.#inService === undefined ? "not started, waiting for a change" : "not reloaded, the old worker goes on";
      return `${what}: ${explain(error)}`;
    }
  }
}
