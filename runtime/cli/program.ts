/** Compiles a worker's file, TypeScript or JavaScript, for any Node that Callboard runs on. */
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import type { BuildContext, BuildFailure, BuildOptions, Message } from "esbuild";
import { acquireEsbuild, releaseEsbuild, withEsbuild } from "../../generator/esbuild.js";
import { Failure, UsageError } from "./exit.js";

/** What Node can run of a file. */
export interface Program {
  /** All that was compiled. The same text is the same program. */
  readonly text: string;
  /** The sources that went in: absolute paths, packages excluded. */
  readonly sources: readonly string[];
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
  #context: BuildContext<CompilerOptions> | undefined;
  #placed = 0;

  constructor(
    file: string,
    /** Whether to keep esbuild's state between calls. */
    readonly warm: boolean,
  ) {
    this.#file = resolve(file);
    this.#isCompiled = [".js", ".mjs"].includes(extname(file));
    if (statSync(this.#file, { throwIfNoEntry: false })?.isFile() !== true) {
      throw new UsageError(`There is no file ${file}.`);
    }
  }

  /** Throws a Failure that names the place where the file, or one that it imports, cannot be compiled. */
  async build(): Promise<Program> {
    const asItIs = { path: this.#file, remove: () => undefined };
    // Compiled code needs no compiler, and no folder that can be written to.
    if (this.#isCompiled && !this.warm) return { text: "", sources: [], place: () => asItIs };

    const folder = cacheFolder(this.#file);
    try {
      const { outputFiles, metafile } = await this.#compile(compilerOptions(this.#file, folder));
      const text = outputFiles.map((output) => output.text).join("");
      const sources = Object.keys(metafile.inputs).map((path) => resolve(path));
      return { text, sources, place: () => (this.#isCompiled ? asItIs : this.#place(folder, text)) };
    } catch (error) {
      throw isBuildFailure(error) ? new Failure(error.errors.map(describe).join("\n")) : error;
    }
  }

  /** Ends what was kept for the next time. */
  async close(): Promise<void> {
    if (this.#context === undefined) return;
    await this.#context.dispose();
    this.#context = undefined;
    await releaseEsbuild();
  }

  async #compile(options: CompilerOptions) {
    if (!this.warm) return withEsbuild(({ build }) => build(options));
    if (this.#context === undefined) {
      const { context } = await acquireEsbuild();
      this.#context = await context(options);
    }
    return this.#context.rebuild();
  }

  #place(folder: string, text: string): PlacedModule {
    const path = join(folder, `${process.pid}-${++this.#placed}.mjs`);
    writeFileSync(path, text);
    return { path, remove: () => rmSync(path, { force: true }) };
  }
}

type CompilerOptions = BuildOptions & { readonly metafile: true; readonly write: false };

function compilerOptions(file: string, folder: string): CompilerOptions {
  return {
    entryPoints: [file],
    // Not written there; but sources are named relative to it.
    outfile: join(folder, "worker.mjs"),
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    loader: { ".lua": "text" },
    sourcemap: "inline",
    metafile: true,
    write: false,
    logLevel: "silent",
  };
}

/** A folder from which the file's packages are found as from the file itself. */
function cacheFolder(file: string): string {
  let project = dirname(file);
  while (!existsSync(join(project, "package.json")) && dirname(project) !== project) project = dirname(project);
  const folder = join(project, "node_modules", ".cache", "callboard");
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    const help = "Make it writable, or compile the file to JavaScript beforehand and run that.";
    throw new Failure(`The folder ${folder} cannot be made: ${(error as Error).message}. ${help}`);
  }
  return folder;
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error;
}

function describe({ text, location }: Message): string {
  if (location === null) return text;
  return `${relative(process.cwd(), resolve(location.file))}:${location.line}:${location.column + 1}: ${text}`;
}
