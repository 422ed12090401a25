/** Bundles the contracts with esbuild: what is loaded to read them is also what is published for producers. */
import { builtinModules, SourceMap, type SourceMapPayload } from "node:module";
import { posix } from "node:path";
import { acquireEsbuild, releaseEsbuild, withEsbuild } from "./esbuild.js";
import { lookout } from "./lookout.js";
import { toPosix } from "./paths.js";
import type { ProblemInit } from "./problems.js";
import type { BuildContext, BuildFailure, BuildOptions, BuildResult, Message } from "esbuild";

/** The contracts as JavaScript modules. */
export interface Bundle {
  /** By path relative to the bundle's folder; the one of `contracts/payments.ts` is `payments.js`. */
  readonly files: ReadonlyMap<string, BundledFile>;
  /** The sources that went in, relative to the root, packages excluded. */
  readonly sources: readonly string[];
  /** All files that went in, relative to the root. */
  readonly inputs: readonly string[];
  /** Where a source's import leads, by source and specifier as it is written. */
  resolve(source: string, specifier: string): string | undefined;
}

/** One JavaScript module of a bundle. */
export interface BundledFile {
  readonly path: string;
  readonly text: string;
  /** The contract that it was made of; `undefined` for code that several of them share. */
  readonly entry: string | undefined;
  /** The modules of the bundle that it imports. */
  readonly imports: readonly string[];
}

/** What came of bundling: a bundle of all contracts that compile, and what is wrong with the others. */
export interface BundleResult {
  readonly bundle: Bundle;
  readonly problems: readonly ProblemInit[];
}

/** Never bundled: generated code imports them too, and there must be one copy of each. */
const external = ["callboard", "callboard/*", "zod", "zod/*", "node:*", ...builtinModules];
/** esbuild puts its output in memory, one folder beneath the root: sources in source maps are relative to it. */
export const OUTPUT = "out";

type Metafile = BuildResult<{ metafile: true }>["metafile"];

/** Bundles contracts, and again faster when few of them have changed. */
export class Bundler {
  #context: BuildContext<BuildOptions & { metafile: true; write: false }> | undefined;
  #entries = "";

  constructor(
    readonly root: string,
    readonly folder: string,
    /** Hears of each source before it is read; esbuild's state is kept between calls then. */
    readonly onLook?: (path: string) => void,
  ) {}

  /** Loads esbuild, so that it begins to work as soon as it is asked to. */
  async prepare(): Promise<void> {
    await import("esbuild");
  }

  async bundle(entries: readonly string[]): Promise<BundleResult> {
    const problems: ProblemInit[] = [];
    let rest = entries;
    for (;;) {
      if (rest.length === 0) return { bundle: emptyBundle, problems };
      try {
        const result = await this.#build(rest);
        const bundle = this.#read(result.metafile, result.outputFiles);
        return { bundle, problems: [...problems, ...linkProblems(rest, bundle)] };
      } catch (error) {
        const messages = (error as Partial<BuildFailure>).errors ?? [];
        if (messages.length === 0) throw error;
        problems.push(...messages.map(toProblem));
        // What is wrong in one contract must not hide what is wrong in the others.
        const broken = new Set(messages.map(({ location }) => location && toPosix(location.file)));
        const remaining = rest.filter((entry) => !broken.has(entry));
        if (remaining.length === rest.length) return { bundle: emptyBundle, problems: unique(problems) };
        rest = remaining;
      }
    }
  }

  /** Finds the source map of a module. Maps are made only where something went wrong. */
  async sourceMaps(entries: readonly string[]): Promise<(file: BundledFile) => SourceMap | undefined> {
    const options = { ...this.#options(entries), sourcemap: "external", sourcesContent: false } as const;
    const { outputFiles } = await withEsbuild(({ build }) => build(options));
    const texts = new Map(outputFiles.map(({ path, text }) => [path, text]));
    const maps = new Map<string, string>();
    for (const [path, text] of texts) {
      const map = texts.get(`${path}.map`);
      if (map !== undefined) maps.set(withoutHashes(text), map);
    }
    return ({ text }) => {
      const map = maps.get(withoutHashes(text));
      return map === undefined ? undefined : new SourceMap(JSON.parse(map) as SourceMapPayload);
    };
  }

  async close(): Promise<void> {
    if (this.#context === undefined) return;
    await this.#context.dispose();
    this.#context = undefined;
    await releaseEsbuild();
  }

  async #build(entries: readonly string[]) {
    const options = this.#options(entries);
    if (this.onLook === undefined) return withEsbuild(({ build }) => build(options));
    const key = entries.join("\n");
    if (this.#context === undefined || key !== this.#entries) {
      await this.close();
      const { context } = await acquireEsbuild();
      this.#context = await context(options);
      this.#entries = key;
    }
    return this.#context.rebuild();
  }

  #options(entries: readonly string[]) {
    return {
      absWorkingDir: this.root,
      entryPoints: [...entries],
      outbase: this.folder,
      outdir: OUTPUT,
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "es2022",
      charset: "utf8",
      external,
      chunkNames: "chunk-[hash]",
      outExtension: { ".js": ".js" },
      legalComments: "none",
      metafile: true,
      write: false,
      logLevel: "silent",
      plugins: this.onLook === undefined ? [] : [lookout(this.onLook)],
    } as const satisfies BuildOptions;
  }

  #pathInBundle(path: string): string {
    return posix.relative(posix.join(toPosix(this.root), OUTPUT), toPosix(path));
  }

  #read(metafile: Metafile, outputs: readonly { readonly path: string; readonly text: string }[]): Bundle {
    const texts = new Map(outputs.map(({ path, text }) => [this.#pathInBundle(path), text]));
    const files = new Map<string, BundledFile>();
    for (const [output, { entryPoint, imports }] of Object.entries(metafile.outputs)) {
      const path = posix.relative(OUTPUT, output);
      files.set(path, {
        path,
        text: texts.get(path) ?? "",
        entry: entryPoint,
        imports: imports.filter(({ external }) => external !== true).map((item) => posix.relative(OUTPUT, item.path)),
      });
    }
    const resolved = new Map<string, string>();
    for (const [source, { imports }] of Object.entries(metafile.inputs)) {
      for (const { original, path, external } of imports) {
        if (original !== undefined && external !== true) resolved.set(`${source}\n${original}`, path);
      }
    }
    return {
      files,
      sources: Object.keys(metafile.inputs).filter((path) => !path.includes("node_modules/")),
      inputs: Object.keys(metafile.inputs),
      resolve: (source, specifier) => resolved.get(`${source}\n${specifier}`),
    };
  }
}

/** esbuild knows a file by the place that a link leads to, and its imports are found from there. */
function linkProblems(entries: readonly string[], { files }: Bundle): readonly ProblemInit[] {
  const found = new Set([...files.values()].map(({ entry }) => entry));
  const missing = entries.filter((entry) => !found.has(entry));
  return missing.map((file) => {
    return { code: "CB1006", message: `${file} is a link, or in a folder that is one.`, file, line: 1, column: 1 };
  });
}

const emptyBundle: Bundle = { files: new Map(), sources: [], inputs: [], resolve: () => undefined };

/** Shared modules are named by a hash, which is another one where there are source maps. */
function withoutHashes(text: string): string {
  return text.replace(/\bchunk-[A-Z0-9]{8}\b/g, "chunk");
}

function toProblem({ text, location, notes }: Message): ProblemInit {
  const note = notes.map((item) => item.text).join(" ");
  return {
    code: "CB1001",
    message: note === "" ? text : `${text} (${note})`,
    file: location === null ? "" : toPosix(location.file),
    line: location?.line ?? 0,
    column: location === null ? 0 : location.column + 1,
  };
}

function unique(problems: readonly ProblemInit[]): readonly ProblemInit[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
