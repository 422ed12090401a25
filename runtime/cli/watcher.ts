/** Watches what a worker's program is made of: says when some of it has changed, and makes it anew from the contracts on. */
import { existsSync, statSync } from "node:fs";
import { dirname, extname, join, relative, sep } from "node:path";
import type { DeclaredActor, GeneratorConfig } from "../../generator/index.js";
import { errorColors } from "./colors.js";
import { Failure, MissingHandlers } from "./exit.js";
import { Compiler, type Program } from "./program.js";

type Generator = typeof import("../../generator/index.js");

/** How long everything must be quiet before it is read, in milliseconds: editors write a file in several steps. */
const QUIET = 50;

const sourceExtensions = [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", ".json"];

/** What a watcher works with. */
export interface WatcherOptions {
  readonly file: string;
  /** Some source has changed. */
  readonly onChange: () => void;
  /** Hears what was generated, in one line. */
  readonly onNote: (line: string) => void;
}

/** Watches the sources of a program. */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #compiler: Compiler;
  readonly #tools: Generator;
  readonly #config: GeneratorConfig;
  readonly #generator: InstanceType<Generator["Generator"]>;
  readonly #folders: InstanceType<Generator["FolderWatchers"]>;
  /** What the program and the contracts are made of, or would be if it were there. */
  readonly #sources = new Set<string>();
  /** What the generator noted the last time. It is said once. */
  #notes: readonly string[] = [];
  /** The files that the generator wrote or removed the last time, as it left them. */
  #generated: ReadonlyMap<string, string> = new Map();
  #timer: NodeJS.Timeout | undefined;

  /** Loads what it works with. Nothing is watched before the first `build()`. */
  static async open(options: WatcherOptions): Promise<Watcher> {
    return new Watcher(options, await import("../../generator/index.js"));
  }

  private constructor(options: WatcherOptions, tools: Generator) {
    const onLook = (path: string) => this.#follow(path);
    this.#options = options;
    this.#compiler = new Compiler(options.file, onLook);
    this.#tools = tools;
    this.#config = tools.readConfig(process.cwd());
    this.#generator = new tools.Generator(this.#config, { onLook });
    this.#folders = new tools.FolderWatchers((path) => this.#hear(path), options.onNote);
  }

  /** Makes the program. Throws a Failure where the contracts, or what imports them, are not in order. */
  async build(): Promise<Program> {
    const { root, contracts, handlers } = this.#config;
    this.#folders.watchTree(join(root, contracts));
    // A handler that is not there yet cannot be among the sources.
    this.#folders.watch(join(root, handlers));
    await this.#generate();
    return this.#compiler.build();
  }

  /** Ends what was kept for the next time. esbuild left to itself would print a crash now and then. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#folders.close();
    await Promise.all([this.#compiler.close(), this.#generator.close()]);
  }

  /** The same failure; of handlers that are missing, with the places where they are declared and where they belong. */
  located(error: unknown): unknown {
    if (!(error instanceof MissingHandlers)) return error;
    const found = this.#generator.actors.filter(({ name }) => error.actors.includes(name));
    if (found.length < error.actors.length) return error;
    return new Failure(found.map((actor) => whatIsMissing(actor, this.#options.file)).join("\n"));
  }

  async #generate(): Promise<void> {
    const { root, contracts } = this.#config;
    // A worker can do without a generator: its actors may come from a package.
    if (!existsSync(join(root, contracts))) return;
    const { problems, written, removed, notes } = await this.#generator.run({});
    const touched = [...written, ...removed].map((path) => join(root, path));
    this.#generated = new Map(touched.map((path) => [path, stamp(path)]));
    if (problems.length > 0) {
      const explain = (problem: (typeof problems)[number]) =>
        this.#tools.formatProblem(problem, { color: errorColors.isColorSupported });
      throw new Failure(problems.map(explain).join("\n\n"));
    }
    if (written.length > 0) this.#options.onNote(`generated ${written.join(", ")}`);
    if (removed.length > 0) this.#options.onNote(`removed ${removed.join(", ")}`);
    for (const note of notes.filter((each) => !this.#notes.includes(each))) this.#options.onNote(note);
    this.#notes = notes;
  }

  /** Watches where a source is, or would be. */
  #follow(path: string): void {
    this.#sources.add(path);
    this.#folders.watch(dirname(path));
  }

  #hear(path: string | undefined): void {
    if (path !== undefined && (this.#isGenerated(path) || !this.#isSource(path))) return;
    // A merge, say, or an editor.
    if (path?.startsWith(join(this.#config.root, this.#config.generated, sep)) === true) this.#generator.forget();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#options.onChange, QUIET);
  }

  /** Whether all that happened to a file is what the generator did: it went into the program that was built then. */
  #isGenerated(path: string): boolean {
    return this.#generated.get(path) === stamp(path);
  }

  /** Whether it may be part of the program: a log that is written beside it is not. */
  #isSource(path: string): boolean {
    if (this.#sources.has(path)) return true;
    const isInPackage = relative(this.#config.root, path).split(sep).includes("node_modules");
    return !isInPackage && (sourceExtensions.includes(extname(path)) || isFolder(path));
  }
}

function whatIsMissing({ name, place, handler }: DeclaredActor, worker: string): string {
  const { file, line, column } = place;
  return (
    `${file}:${line}:${column} declares ${name}, and ${worker} has no handler for it. Write it as \`${handler.name}\` in ` +
    `${handler.file}, and give createWorker that file's \`${handler.group}\`.`
  );
}

/** Differs between any two states of a file. Its time alone does not tell: a file that is moved back brings an old one. */
function stamp(path: string): string {
  const { ino, size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { ino: 0, size: 0, mtimeMs: 0 };
  return [ino, size, mtimeMs].join();
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
