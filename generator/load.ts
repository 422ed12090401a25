/** Loads bundled contracts in a thread of their own, with a time limit, and maps what they throw to their sources. */
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { OUTPUT, type Bundle, type BundledFile, type Bundler } from "./bundle.js";
import { withEsbuild } from "./esbuild.js";
import { readText, sha256 } from "./files.js";
import type { LoadedActor, LoaderAnswer, LoaderTask, LoadError } from "./loader.js";
import { byCodeUnit, type Place, type ProblemInit } from "./problems.js";

/** What the contracts are at run time. */
export interface Loaded {
  /** The exports of each contract that are actors, by the contract's path. */
  readonly exports: ReadonlyMap<string, ActorExports>;
  readonly problems: readonly ProblemInit[];
}

/** Actors by the names of their exports. */
export type ActorExports = ReadonlyMap<string, LoadedActor>;

/** The module that imports all others. None of them has such a name: bundled contracts end in ".js". */
const ALL_MODULES = "all.mjs";

/** What stands for all modules where the index of one is expected. */
const ALL = -1;

/** How long one contract may take, in milliseconds. */
export const LOAD_TIME_LIMIT = 10_000;

/** Loads contracts, and again only those that have changed. */
export class Loader {
  readonly #cache: string;
  readonly #folders: string[] = [];
  /** What was loaded the last time, by the text of all modules that belong together. */
  #known = new Map<string, ReadonlyMap<string, ActorExports>>();

  constructor(
    readonly root: string,
    readonly bundler: Bundler,
  ) {
    this.#cache = join(root, "node_modules", ".cache", "callboard");
  }

  /**
   * Removes the files that were loaded. Not before the run has written its own: on ext4, new files were
   * seen to cost up to five times as much where many others had just been removed.
   */
  clean(): void {
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  }

  async load(bundle: Bundle, timeLimit: number): Promise<Loaded> {
    const exports = new Map<string, ActorExports>();
    const known = new Map<string, ReadonlyMap<string, ActorExports>>();
    const changed: { readonly key: string; readonly files: readonly BundledFile[] }[] = [];
    for (const files of connected(bundle)) {
      const key = sha256(files.map(({ path, text }) => `${path}\n${text}`).join("\n"));
      const remembered = this.#known.get(key);
      if (remembered === undefined) {
        changed.push({ key, files });
        continue;
      }
      known.set(key, remembered);
      for (const [entry, found] of remembered) exports.set(entry, found);
    }
    const loaded = await this.#loadFiles(
      changed.flatMap(({ files }) => files),
      timeLimit,
    );
    for (const { key, files } of changed) {
      const own = files.flatMap(({ entry }) => {
        const found = entry === undefined ? undefined : loaded.exports.get(entry);
        return entry === undefined || found === undefined ? [] : [[entry, found] as const];
      });
      for (const [entry, found] of own) exports.set(entry, found);
      const isWhole = own.length === files.filter(({ entry }) => entry !== undefined).length;
      if (isWhole) known.set(key, new Map(own));
    }
    this.#known = known;
    return { exports, problems: loaded.problems };
  }

  async #loadFiles(files: readonly BundledFile[], timeLimit: number): Promise<Loaded> {
    const entries = files.filter(({ entry }) => entry !== undefined);
    if (entries.length === 0) return { exports: new Map(), problems: [] };
    // Two runs at once must not load each other's files.
    const folder = join(this.#cache, `load-${process.pid}-${++runs}`);
    this.#folders.push(folder);
    writeBundle(folder, files);
    linkSelf(this.root, this.#cache);
    const modules = entries.map(({ path }) => pathToFileURL(join(folder, path)).href);
    const built = new URL("./loader.js", import.meta.url);
    const script = existsSync(built) ? built : await buildThread(join(this.#cache, "loader.js"));
    writeFileSync(join(folder, ALL_MODULES), modules.map((url) => `import ${JSON.stringify(url)};\n`).join(""));
    const all = pathToFileURL(join(folder, ALL_MODULES)).href;
    let outcome = await runThread(script, { modules, all }, timeLimit);
    if ("stuck" in outcome && outcome.stuck === ALL) {
      outcome = await runThread(script, { modules, all: undefined }, timeLimit);
    }
    if ("stuck" in outcome) return { exports: new Map(), problems: [stuckProblem(entries[outcome.stuck], timeLimit)] };
    return this.#collect(entries, outcome.answer, (error, maps) => locate(error, folder, files, maps));
  }

  async #collect(
    entries: readonly BundledFile[],
    { modules, actors }: LoaderAnswer,
    find: (error: LoadError, maps: SourceMaps) => Place | undefined,
  ): Promise<Loaded> {
    const exports = new Map<string, ActorExports>();
    const failures: { readonly file: string; readonly error: LoadError }[] = [];
    for (const [index, { entry: file }] of entries.entries()) {
      const module = modules[index];
      if (module === undefined || file === undefined) continue;
      if ("error" in module) {
        failures.push({ file, error: module.error });
        continue;
      }
      const found = module.exports.flatMap(({ name, actor }) => {
        const loaded = actors[actor];
        return loaded === undefined ? [] : [[name, loaded] as const];
      });
      exports.set(file, new Map(found));
    }
    return { exports, problems: await this.#toProblems(failures, entries, find) };
  }

  async #toProblems(
    failures: readonly { readonly file: string; readonly error: LoadError }[],
    entries: readonly BundledFile[],
    find: (error: LoadError, maps: SourceMaps) => Place | undefined,
  ): Promise<readonly ProblemInit[]> {
    if (failures.length === 0) return [];
    const maps = await this.bundler.sourceMaps(entries.flatMap(({ entry }) => entry ?? []));
    return failures.map(({ file, error }) => ({
      code: "CB1002",
      message: `Loading ${file} failed: ${error.name}: ${error.message}`,
      ...(find(error, maps) ?? { file, line: 1, column: 1 }),
    }));
  }
}

let runs = 0;

/** The modules of a bundle in sets that share no code: actors of one set are never those of another. */
function connected({ files }: Bundle): readonly (readonly BundledFile[])[] {
  const sets = new Map([...files.values()].map((file) => [file.path, new Set([file])]));
  for (const { path, imports } of files.values()) {
    for (const other of imports) {
      const [a, b] = [sets.get(path), sets.get(other)];
      if (a === undefined || b === undefined || a === b) continue;
      const [large, small] = a.size < b.size ? [b, a] : [a, b];
      for (const file of small) {
        large.add(file);
        sets.set(file.path, large);
      }
    }
  }
  return [...new Set(sets.values())].map((set) => [...set].sort((a, b) => byCodeUnit(a.path, b.path)));
}

function writeBundle(folder: string, files: readonly BundledFile[]): void {
  const folders = new Set(files.map(({ path }) => dirname(join(folder, path))));
  for (const path of [folder, ...folders]) mkdirSync(path, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  for (const { path, text } of files) writeFileSync(join(folder, path), text);
}

/** Node does not let a package import itself from beneath its own node_modules: Callboard's own repository needs a link. */
function linkSelf(root: string, cache: string): void {
  const manifest = readText(join(root, "package.json")) ?? "{}";
  if ((JSON.parse(manifest) as { name?: unknown }).name !== "callboard") return;
  mkdirSync(join(cache, "node_modules"), { recursive: true });
  try {
    symlinkSync(root, join(cache, "node_modules", "callboard"), "junction");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

type Outcome = { readonly answer: LoaderAnswer } | { readonly stuck: number };

async function runThread(
  script: URL | string,
  modules: Omit<LoaderTask, "progress">,
  timeLimit: number,
): Promise<Outcome> {
  const progress = new SharedArrayBuffer(4);
  const current = new Int32Array(progress).fill(modules.all === undefined ? 0 : ALL);
  const task: LoaderTask = { ...modules, progress };
  // What contracts print belongs to nobody: the report is the output of the command.
  // It makes little garbage: with less room for that, the process needs a tenth less memory.
  const resourceLimits = { maxYoungGenerationSizeMb: 16 };
  const thread = new Worker(script, { workerData: task, stdout: true, stderr: true, resourceLimits });
  const ended = new Promise<Outcome>((resolve, reject) => {
    thread.once("message", (answer: LoaderAnswer) => resolve({ answer }));
    thread.once("error", reject);
    thread.once("exit", () => resolve({ stuck: Atomics.load(current, 0) }));
  });
  const watchdog = watchProgress(current, timeLimit);
  try {
    return await Promise.race([ended, watchdog.stuck]);
  } finally {
    watchdog.stop();
    await thread.terminate();
  }
}

/** Resolves when the same module has been loading for longer than the limit. */
function watchProgress(current: Int32Array, timeLimit: number) {
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<Outcome>((resolve) => {
    let last = ALL;
    let since = performance.now();
    timer = setInterval(
      () => {
        const index = Atomics.load(current, 0);
        const now = performance.now();
        if (index !== last) [last, since] = [index, now];
        else if (now - since > timeLimit) resolve({ stuck: index });
      },
      Math.min(50, timeLimit),
    );
  });
  return { stuck, stop: () => clearInterval(timer) };
}

/** Builds the thread's file. It lies beside this one, but where this one is run from its sources. */
async function buildThread(cached: string): Promise<string> {
  const source = fileURLToPath(new URL("./loader.ts", import.meta.url));
  const outfile = cached.replace(/\.js$/, `-${process.pid}.mjs`);
  await withEsbuild(({ build }) =>
    build({
      entryPoints: [source],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      logLevel: "silent",
    }),
  );
  return outfile;
}

function stuckProblem(entry: BundledFile | undefined, timeLimit: number): ProblemInit {
  const file = entry?.entry ?? "";
  return {
    code: "CB1003",
    message: `${file} did not finish loading within ${timeLimit} ms`,
    file,
    line: 1,
    column: 1,
  };
}

type SourceMaps = Awaited<ReturnType<Bundler["sourceMaps"]>>;

/** The first place in a stack that is in one of the project's sources. */
function locate(error: LoadError, folder: string, files: readonly BundledFile[], maps: SourceMaps): Place | undefined {
  const base = `${pathToFileURL(folder).href}/`;
  for (const [, url = "", line, column] of error.stack.matchAll(/(file:\/\/[^\s()]+?):(\d+):(\d+)/g)) {
    if (!url.startsWith(base)) continue;
    const path = decodeURI(url.slice(base.length));
    const module = files.find((candidate) => candidate.path === path);
    const map = module && maps(module);
    const entry = map?.findEntry(Number(line) - 1, Number(column) - 1);
    if (entry === undefined || !("originalSource" in entry)) continue;
    const file = posix.join(OUTPUT, posix.dirname(path), entry.originalSource);
    if (file.includes("node_modules/")) continue;
    return { file, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
  }
  return undefined;
}
