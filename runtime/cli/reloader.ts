/** Builds the worker's program and brings it into service: at the start, at a signal, at a change; one after the other. */
import { explain } from "./exit.js";
import type { Program } from "./program.js";

/** What a reloader works with. */
export interface ReloaderOptions {
  /** Makes the program, or throws what is wrong with it. */
  readonly build: () => Promise<Program>;
  /** Has the program take the place of the one that runs, or throws why it cannot; then the old one goes on. */
  readonly deploy: (program: Program) => Promise<void>;
  /** Prints a line for whoever started the command. */
  readonly say: (line: string) => void;
}

/** Brings a program into service, again and again. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #inService: Program | undefined;
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
      const program = await this.#options.build();
      await this.#options.deploy(program);
      this.#inService = program;
    } finally {
      this.#isUnderWay = false;
      void this.#goOn();
    }
  }

  /** Once more if it has changed. What is wrong is said, not thrown. */
  refresh(): void {
    this.#asked ??= "refresh";
    void this.#goOn();
  }

  /** Once more, whether it has changed or not. */
  reload(): void {
    this.#asked = "reload";
    void this.#goOn();
  }

  /** Begins nothing more. */
  close(): void {
    this.#isClosed = true;
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
      const program = await this.#options.build();
      if (this.#isClosed) return undefined;
      const wasBroken = this.#isBroken;
      this.#isBroken = false;
      if (!isForced && program.text === this.#inService?.text) {
        return wasBroken ? "all is well again: the worker runs this very code, and was not restarted" : undefined;
      }
      await this.#options.deploy(program);
      this.#inService = program;
      return `reloaded in ${Math.round(performance.now() - beganAt)} ms`;
    } catch (error) {
      this.#isBroken = true;
      const what =
        this.#inService === undefined ? "not started, waiting for a change" : "not reloaded, the old worker goes on";
      return `${what}: ${explain(error)}`;
    }
  }
}
