/** Generates: reads the contracts, joins them into a model, emits its files and writes what has changed. */
import { join, posix, relative } from "node:path";
import { assemble, type Created, type TypeResolver } from "./assemble.js";
import { Bundler, type Bundle } from "./bundle.js";
import { candidates } from "./candidates.js";
import { checkConfig, type GeneratorConfig } from "./config.js";
import { discover } from "./discover.js";
import type { Output } from "./emit/header.js";
import { emit } from "./emit/index.js";
import { readText, removeFiles, writeFiles } from "./files.js";
import { planFolder } from "./generated-folder.js";
import { handlersFile, planHandlers } from "./handlers-folder.js";
import { Loader, LOAD_TIME_LIMIT } from "./load.js";
import { Memo } from "./memo.js";
import type { Model } from "./model.js";
import { stemOf, toPosix } from "./paths.js";
import { byCodeUnit, compareProblems, createProblem, type Place, type Problem, type ProblemInit } from "./problems.js";
import { SourceTree } from "./source-tree.js";
import { StateFile } from "./state.js";
import type { Checker, SourceFile, StubEdit } from "./typescript/index.js";

/** What to generate, and whether to write it. */
export interface GenerateOptions extends GeneratorConfig {
  /** Writes nothing, and reports what is out of date. */
  readonly check?: boolean;
  /** How long loading one contract may take, in milliseconds. Default: 10 s. */
  readonly loadTimeLimit?: number;
}

type Typescript = typeof import("./typescript/index.js");

/** What one run changes on disk. Paths are relative to the project. */
interface Plan {
  /** All files that should be there. */
  readonly outputs: ReadonlyMap<string, string>;
  /** Those that are not, or that hold something else. */
  readonly write: ReadonlyMap<string, string>;
  /** Those that are not there at all. */
  readonly missing: ReadonlySet<string>;
  readonly remove: readonly string[];
  readonly insertions: readonly string[];
  readonly notes: readonly string[];
  /** Files beside the outputs that the notes are about. */
  readonly strays: readonly string[];
}

type RunOptions = Pick<GenerateOptions, "check" | "loadTimeLimit">;

/** A file that is out of date. */
export interface StaleFile {
  readonly path: string;
  readonly kind: "missing" | "outdated" | "orphan";
}

/** What came of generating. Paths are relative to the project. */
export interface Report {
  /** If there are any, nothing was written. */
  readonly problems: readonly Problem[];
  /** What was created or changed. */
  readonly written: readonly string[];
  readonly removed: readonly string[];
  /** With `check`: what is out of date. */
  readonly stale: readonly StaleFile[];
  readonly unchanged: number;
  /** What a person should know beside: handlers that were added, and what looks like an oversight. */
  readonly notes: readonly string[];
  readonly actors: number;
  readonly files: number;
}

/** An actor, as its contract declares it, and where its handler belongs. */
export interface DeclaredActor {
  /** Its name on the wire: `payments.processPayment`. */
  readonly name: string;
  readonly place: Place;
  /** The handler's file, the group that it exports, and the handler's name there. */
  readonly handler: { readonly file: string; readonly group: string; readonly name: string };
}

/** How a generator is used. */
export interface GeneratorOptions {
  /** For one that watches: hears of each source before it is read. What helps the next time is kept then. */
  readonly onLook?: (path: string) => void;
}

/** Generates once. */
export async function generate(options: GenerateOptions): Promise<Report> {
  const generator = new Generator(options);
  try {
    return await generator.run(options);
  } finally {
    await generator.close();
  }
}

const nothing: Report = {
  problems: [],
  written: [],
  removed: [],
  stale: [],
  unchanged: 0,
  notes: [],
  actors: 0,
  files: 0,
};

/** Generates any number of times, and keeps what helps the next time. */
export class Generator {
  readonly #config: GeneratorConfig;
  readonly #bundler: Bundler;
  readonly #warm: boolean;
  readonly #loader: Loader;
  readonly #state: StateFile;
  readonly #memos = { actors: new Memo<Created>(), files: new Memo<readonly Output[]>(), stubs: new Memo<StubEdit>() };
  #written: ReadonlyMap<string, string> = new Map();
  #checker: Checker | undefined;
  #actors: readonly DeclaredActor[] = [];
  /** What was read from each source, by its path, with the text that it was read from. */
  #sources = new Map<string, { readonly text: string; readonly source: SourceFile }>();

  constructor(config: GeneratorConfig, { onLook }: GeneratorOptions = {}) {
    const normal = (folder: string) => posix.normalize(toPosix(folder)).replace(/\/$/, "");
    this.#config = {
      root: config.root,
      contracts: normal(config.contracts),
      generated: normal(config.generated),
      handlers: normal(config.handlers),
    };
    this.#warm = onLook !== undefined;
    this.#bundler = new Bundler(config.root, this.#config.contracts, onLook);
    this.#state = new StateFile(this.#config);
    this.#loader = new Loader(config.root, this.#bundler);
  }

  /** The actors that were read the last time that the contracts were in order. */
  get actors(): readonly DeclaredActor[] {
    return this.#actors;
  }

  /** Reads what is generated again the next time: somebody else has written there. */
  forget(): void {
    this.#written = new Map();
  }

  /** Ends what was kept for the next time. */
  async close(): Promise<void> {
    await this.#bundler.close();
  }

  /** Reads, checks and writes; or finds that nothing has changed since the last time. */
  async run({ check = false, loadTimeLimit = LOAD_TIME_LIMIT }: RunOptions): Promise<Report> {
    const start = Date.now();
    try {
      const wrong = checkConfig(this.#config);
      if (wrong !== undefined) return this.#fail([inPackage("CB5003", wrong)]);
      const { root, contracts } = this.#config;
      const files = discover(root, contracts);
      if (files === undefined) {
        return this.#fail([inPackage("CB1005", `There is no folder "${contracts}" in ${root}.`)]);
      }
      const summary = this.#warm ? undefined : this.#state.recall(files);
      if (summary !== undefined) return { ...nothing, ...summary };
      return await this.#generate(files, { check, loadTimeLimit, start });
    } catch (error) {
      const problem = fileProblem(error, this.#config.root);
      if (problem === undefined) throw error;
      return this.#fail([problem]);
    } finally {
      this.#loader.clean();
    }
  }

  async #generate(
    files: readonly string[],
    { check, loadTimeLimit, start }: Required<RunOptions> & { readonly start: number },
  ): Promise<Report> {
    const { model, bundle, inputs, problems, notes: hints, typescript } = await this.#readModel(files, loadTimeLimit);
    if (problems.length > 0) return this.#fail(problems);
    this.#actors = declaredActors(model, this.#config.handlers);

    const plan = this.#plan(model, bundle, typescript);
    if ("foreign" in plan) {
      const message = `${plan.foreign} was not made by callboard, so it is left as it is.`;
      return this.#fail([{ code: "CB5001", message, file: plan.foreign, line: 0, column: 0 }]);
    }
    const { outputs, write, missing, remove, insertions, strays } = plan;
    const notes = [...hints, ...plan.notes];
    const report: Report = {
      ...nothing,
      unchanged: outputs.size - write.size,
      notes: check ? notes : [...insertions, ...notes],
      actors: model.groups.reduce((sum, { actors }) => sum + actors.length, 0),
      files: model.groups.length,
    };
    if (check && (write.size > 0 || remove.length > 0)) {
      return { ...report, stale: staleFiles([...write.keys()], missing, remove) };
    }
    const { root, generated } = this.#config;
    writeFiles(root, write);
    removeFiles(root, remove, generated);
    // While it is watched, nobody else is taken to write there unless that is told.
    if (this.#warm) this.#written = outputs;
    else {
      const read = [...inputs, ...strays];
      this.#state.remember({ ...report, contracts: files, inputs: read, outputs, notes }, start);
    }
    return { ...report, written: [...write.keys()].sort(byCodeUnit), removed: remove };
  }

  /** Reads the contracts, both ways, into the model. */
  async #readModel(files: readonly string[], loadTimeLimit: number) {
    const { root, contracts } = this.#config;
    const texts = this.#readTexts(files);
    const { entries, twins } = withoutTwins(candidates(texts), contracts);
    // Whoever works elsewhere begins before this thread is blocked: esbuild before the compiler is loaded, the thread
    // that loads the contracts before their sources are read.
    await this.#bundler.prepare();
    const bundling = this.#bundler.bundle(entries);
    const [{ bundle, problems }, typescript] = await Promise.all([bundling, import("./typescript/index.js")]);
    const loading = this.#loader.load(bundle, loadTimeLimit);
    const sources = this.#readSources(texts, bundle, typescript);
    const loaded = await loading;
    const resolveTypes: TypeResolver = (requests) => {
      this.#checker ??= new typescript.Checker(root);
      const checker = this.#checker;
      checker.update([...new Set(requests.map(({ file }) => file))]);
      return requests.map((request) => checker.resolve(request));
    };
    const { exports } = loaded;
    const memo = this.#memos.actors;
    const assembly = assemble({ folder: contracts, files: entries, sources, exports, resolveTypes, memo });
    return {
      model: assembly.model,
      bundle,
      inputs: [...bundle.inputs, ...texts.keys(), ...(this.#checker?.sources ?? [])],
      problems: [...twins, ...problems, ...loaded.problems, ...assembly.problems],
      notes: contractNotes(contracts, entries, sources, assembly.model),
      typescript,
    };
  }

  /** What has to change on disk; or what is in the way there. */
  #plan(model: Model, bundle: Bundle, { insertStubs }: Typescript): Plan | { readonly foreign: string } {
    const { root, contracts, generated } = this.#config;
    const files = emit(model, bundle, contracts, this.#memos.files);
    const { foreign, ...folder } = planFolder(root, generated, files, this.#written);
    if (foreign !== undefined) return { foreign };
    const handlers = planHandlers(root, this.#config, model, insertStubs, this.#memos.stubs);
    const outputs = new Map([...folder.texts, ...handlers.texts]);
    return {
      outputs,
      write: new Map([...outputs].filter(([path]) => folder.changed.has(path) || handlers.changed.has(path))),
      missing: new Set([...folder.missing, ...handlers.missing]),
      remove: folder.remove,
      insertions: handlers.insertions,
      notes: handlers.notes,
      strays: handlers.strays,
    };
  }

  #readTexts(files: readonly string[]): ReadonlyMap<string, string> {
    return new Map(files.map((path) => [path, readText(join(this.#config.root, path)) ?? ""]));
  }

  #readSources(contracts: ReadonlyMap<string, string>, bundle: Bundle, { readSource }: Typescript): SourceTree {
    const others = bundle.sources.filter((path) => /\.[mc]?tsx?$/.test(path) && !contracts.has(path));
    const texts = new Map([...contracts, ...this.#readTexts(others)]);
    const read = new Map<string, { readonly text: string; readonly source: SourceFile }>();
    for (const [path, text] of texts) {
      const known = this.#sources.get(path);
      read.set(path, known?.text === text ? known : { text, source: readSource(path, text) });
    }
    this.#sources = read;
    const sources = new Map([...read].map(([path, { source }]) => [path, source]));
    return new SourceTree(sources, bundle.resolve);
  }

  #fail(found: readonly ProblemInit[]): Report {
    const problems = found.map((problem) => {
      const known = this.#sources.get(problem.file)?.text;
      const text = problem.line === 0 ? undefined : (known ?? readText(join(this.#config.root, problem.file)));
      return createProblem(problem, text);
    });
    return { ...nothing, problems: withoutRepetition(problems).toSorted(compareProblems) };
  }
}

function declaredActors({ groups }: Model, handlers: string): readonly DeclaredActor[] {
  return groups.flatMap((group) => {
    const file = handlersFile(handlers, group);
    return group.actors.map(({ name, wireName, place }) => {
      return { name: wireName, place, handler: { file, group: group.name, name } };
    });
  });
}

/** What looks like an oversight in the contracts: that there are none, and actors that are not exported. */
function contractNotes(folder: string, files: readonly string[], sources: SourceTree, model: Model): readonly string[] {
  const withActors = new Set(model.groups.map(({ file }) => file));
  const at = ({ file, line, column }: Place) => `${file}:${line}:${column}`;
  const notes = files.flatMap((file) => {
    const { unreachable = [], firstCall } = sources.files.get(file) ?? {};
    if (unreachable.length > 0) {
      return unreachable.map(
        ({ name, place }) => `${at(place)}: the actor \`${name}\` is not exported, so it is left out`,
      );
    }
    if (firstCall === undefined || withActors.has(file)) return [];
    return [`${at(firstCall)}: actor() is called, and no actor is exported: one export is one actor`];
  });
  const isEmpty = model.groups.length === 0;
  return isEmpty ? [...notes, `there is no actor in "${folder}": export one from a .ts file there`] : notes;
}

/** `a.ts` and `a.mts` would become one module. */
function withoutTwins(files: readonly string[], folder: string) {
  const stems = new Map<string, string>();
  const twins: ProblemInit[] = [];
  const entries = files.filter((file) => {
    const stem = stemOf(file, folder);
    const other = stems.get(stem);
    stems.set(stem, other ?? file);
    if (other === undefined) return true;
    twins.push({ code: "CB2002", message: `${file} and ${other} make the same files.`, file, line: 1, column: 1 });
    return false;
  });
  return { entries, twins };
}

/** The file system's own errors, as far as people can do something about them. */
const fileErrors = new Set(["EACCES", "EPERM", "EROFS", "ENOSPC", "EISDIR", "ENOTDIR", "EEXIST", "EMFILE", "ELOOP"]);

function fileProblem(error: unknown, root: string): ProblemInit | undefined {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === undefined || path === undefined || !fileErrors.has(code)) return undefined;
  return { code: "CB5002", message, file: toPosix(relative(root, path)), line: 0, column: 0 };
}

/** A contract that throws makes all contracts throw that import it. */
function withoutRepetition(problems: readonly Problem[]): readonly Problem[] {
  const key = ({ code, message, file, line, column }: Problem) =>
    [code, code === "CB1002" ? "" : message, file, line, column].join("\n");
  return [...new Map(problems.toReversed().map((problem) => [key(problem), problem])).values()];
}

function inPackage(code: "CB5003" | "CB1005", message: string): ProblemInit {
  return { code, message, file: "package.json", line: 0, column: 0 };
}

function staleFiles(
  write: readonly string[],
  missing: ReadonlySet<string>,
  orphans: readonly string[],
): readonly StaleFile[] {
  return [
    ...write.map((path): StaleFile => ({ path, kind: missing.has(path) ? "missing" : "outdated" })),
    ...orphans.map((path): StaleFile => ({ path, kind: "orphan" })),
  ].sort((a, b) => byCodeUnit(a.path, b.path));
}
