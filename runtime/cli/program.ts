/** Compiles a worker's file, TypeScript or JavaScript, for any Node that Callboard runs on. */
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { BuildContext, BuildOptions } from "esbuild";
import { acquireEsbuild, releaseEsbuild, withEsbuild } from "../../generator/esbuild.js";
import { lookout } from "../../generator/lookout.js";
import { cacheFolder, compilerOptions, isCompiled, toCompileError } from "../compiler/index.js";
import { CompileError } from "../vocabulary/errors.js";
import { Failure, UsageError } from "./exit.js";

/** What Node can run of a file. */
export interface Program {
  /** All that was compiled. The same text is the same program. */
  readonly text: string;
  /** Puts it where Node can import it. Whoever did so removes it as soon as it is loaded. */
  place(): PlacedModule;
}

/** A module that can be imported. */
export interface PlacedModule {
  readonly path: string;
  remove(): void;
}

/** Compiles a file, with all that it imports except packages, as often as it is asked. */
export class Compiler {
  readonly #file: string;
  /** Whether the file is run as it is, and compiled, if at all, to see what it is made of. */
  readonly #isCompiled: boolean;
  #context: BuildContext<Options> | undefined;
  #placed = 0;
  /** What would be left behind at an end that waits for nothing. */
  readonly #toRemove = new Set<string>();

  constructor(
    file: string,
    /** Hears of each source before it is read; esbuild's state is kept between calls then. */
    readonly onLook?: (path: string) => void,
  ) {
    this.#file = resolve(file);
    this.#isCompiled = isCompiled(file);
    if (statSync(this.#file, { throwIfNoEntry: false })?.isFile() !== true) {
      throw new UsageError(`There is no file ${file}.`);
    }
    process.once("exit", () => this.#toRemove.forEach((path) => this.#remove(path)));
  }

  /** Throws a Failure that names the place where the file, or one that it imports, cannot be compiled. */
  async build(): Promise<Program> {
    const asItIs = { path: this.#file, remove: () => undefined };
    // Compiled code needs no compiler, and no folder that can be written to.
    if (this.#isCompiled && this.onLook === undefined) return { text: "", place: () => asItIs };

    try {
      const folder = cacheFolder(this.#file);
      const { outputFiles } = await this.#compile(optionsFor(this.#file, folder, this.onLook));
      const text = outputFiles.map((output) => output.text).join("");
      return { text, place: () => (this.#isCompiled ? asItIs : this.#place(folder, text)) };
    } catch (thrown) {
      const error = toCompileError(thrown);
      throw error instanceof CompileError ? new Failure(error.message) : error;
    }
  }

  /** Ends what was kept for the next time. */
  async close(): Promise<void> {
    if (this.#context === undefined) return;
    await this.#context.dispose();
    this.#context = undefined;
    await releaseEsbuild();
  }

  async #compile(options: Options) {
    if (this.onLook === undefined) return withEsbuild(({ build }) => build(options));
    if (this.#context === undefined) {
      const { context } = await acquireEsbuild();
      this.#context = await context(options);
    }
    return this.#context.rebuild();
  }

  #place(folder: string, text: string): PlacedModule {
    const path = join(folder, `${process.pid}-${++this.#placed}.mjs`);
    // Since the file was compiled, the folder may have gone: `npm ci` begins with removing `node_modules`.
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
    this.#toRemove.add(path);
    return { path, remove: () => this.#remove(path) };
  }

  #remove(path: string): void {
    this.#toRemove.delete(path);
    rmSync(path, { force: true });
  }
}

type Options = BuildOptions & { readonly write: false };

/** Nothing is written; but sources are named relative to the file that would be. */
function optionsFor(file: string, folder: string, onLook?: (path: string) => void): Options {
  const options = compilerOptions(file);
  // It comes first: whoever loads a file ends the asking.
  const plugins = [...(onLook === undefined ? [] : [lookout(onLook)]), ...options.plugins];
  return { ...options, plugins, outfile: join(folder, "worker.mjs"), write: false };
}
