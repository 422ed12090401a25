/** What the last run read and left behind: when all of it is as it was, there is nothing to do. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { GeneratorConfig } from "./config.js";
import { readText, sha256 } from "./files.js";
import { byCodeUnit } from "./problems.js";

/** A finished run. Paths are relative to the project. */
export interface Run {
  /** The contract files that were found. */
  readonly contracts: readonly string[];
  /** All files that the outcome depends on. */
  readonly inputs: readonly string[];
  /** The files that should be there now, with their texts. */
  readonly outputs: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
  readonly actors: number;
  readonly files: number;
}

interface State extends Pick<Run, "contracts" | "notes" | "actors" | "files"> {
  /** The generator and the folders that it was told. */
  readonly tool: string;
  /** The files of the generated folder. */
  readonly listing: string;
  readonly inputs: Readonly<Record<string, string | null>>;
  readonly outputs: Readonly<Record<string, string>>;
}

/** What a run that changes nothing would report. */
export type Summary = Pick<Run, "notes" | "actors" | "files"> & { readonly unchanged: number };

/** The memory of a project. Losing it costs nothing but time. */
export class StateFile {
  readonly #path: string;

  constructor(readonly config: GeneratorConfig) {
    this.#path = join(config.root, "node_modules", ".cache", "callboard", "state.json");
  }

  /** What there is to say, if nothing has changed since the last run. */
  recall(contracts: readonly string[]): Summary | undefined {
    const state = this.#read();
    if (state === undefined || state.contracts.join("\n") !== contracts.join("\n")) return undefined;
    const { root, generated } = this.config;
    const outputs = Object.entries(state.outputs);
    const isSame = ([path, hash]: readonly [string, string | null]) => hashOf(join(root, path)) === hash;
    if (![...Object.entries(state.inputs), ...outputs].every(isSame)) return undefined;
    if (state.tool !== toolHash(this.config) || state.listing !== listing(join(root, generated))) return undefined;
    return { notes: state.notes, actors: state.actors, files: state.files, unchanged: outputs.length };
  }

  /** Remembers a run that began at `start`. */
  remember(run: Run, start: number): void {
    const { root, generated } = this.config;
    const inputs = [...new Set([...run.inputs, ...surroundings(root)])].sort(byCodeUnit);
    // What was saved while the run read it may have been read before it was saved.
    const times = inputs.map((path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (times.some((time) => time >= start)) return;
    const hashes = inputs.map((path) => [path, hashOf(join(root, path))] as const);
    const state: State = {
      tool: toolHash(this.config),
      contracts: run.contracts,
      listing: listing(join(root, generated)),
      inputs: Object.fromEntries(hashes),
      outputs: Object.fromEntries([...run.outputs].map(([path, text]) => [path, sha256(text)])),
      notes: run.notes,
      actors: run.actors,
      files: run.files,
    };
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, JSON.stringify(state));
  }

  #read(): State | undefined {
    try {
      const text = readText(this.#path);
      return text === undefined ? undefined : (JSON.parse(text) as State);
    } catch {
      return undefined;
    }
  }
}

function hashOf(path: string): string | null {
  const text = readText(path);
  return text === undefined ? null : sha256(text);
}

/** Files beside the sources that decide what they mean. */
function surroundings(root: string): readonly string[] {
  const require = createRequire(join(root, "package.json"));
  try {
    const zod = relative(root, require.resolve("zod/package.json"));
    return ["tsconfig.json", ...(isAbsolute(zod) ? [] : [zod])];
  } catch {
    return ["tsconfig.json"];
  }
}

/** Our own code: another version may generate something else. */
function toolHash({ contracts, generated, handlers }: GeneratorConfig): string {
  const folder = dirname(fileURLToPath(import.meta.url));
  const files = namesIn(folder).filter((name) => /\.[jt]s$/.test(name));
  const hashes = files.map((name) => hashOf(join(folder, name)));
  return sha256([contracts, generated, handlers, ...hashes].join("\n"));
}

function listing(folder: string): string {
  return sha256(namesIn(folder).join("\n"));
}

/** All that is below a folder, in the same order on every machine. */
function namesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).sort(byCodeUnit);
}
