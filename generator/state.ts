/** What the last run read and left behind: when all of it is as it was, there is nothing to do. */
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
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
  async recall(contracts: readonly string[]): Promise<Summary | undefined> {
    const state = await this.#read();
    if (state === undefined || state.contracts.join("\n") !== contracts.join("\n")) return undefined;
    const { root, generated } = this.config;
    const outputs = Object.entries(state.outputs);
    const isSame = async ([path, hash]: readonly [string, string | null]) => (await hashOf(join(root, path))) === hash;
    const checks = [...Object.entries(state.inputs), ...outputs].map(isSame);
    if (!(await Promise.all(checks)).every(Boolean)) return undefined;
    if (state.tool !== (await toolHash(this.config)) || state.listing !== (await listing(join(root, generated))))
      return undefined;
    return { notes: state.notes, actors: state.actors, files: state.files, unchanged: outputs.length };
  }

  /** Remembers a run that began at `start`. */
  async remember(run: Run, start: number): Promise<void> {
    const { root, generated } = this.config;
    const inputs = [...new Set([...run.inputs, ...surroundings(root)])].sort(byCodeUnit);
    // What was saved while the run read it may have been read before it was saved.
    const times = await Promise.all(inputs.map((path) => stat(join(root, path)).catch(() => undefined)));
    if (times.some((time) => time !== undefined && time.mtimeMs >= start)) return;
    const hashes = await Promise.all(inputs.map(async (path) => [path, await hashOf(join(root, path))] as const));
    const state: State = {
      tool: await toolHash(this.config),
      contracts: run.contracts,
      listing: await listing(join(root, generated)),
      inputs: Object.fromEntries(hashes),
      outputs: Object.fromEntries([...run.outputs].map(([path, text]) => [path, sha256(text)])),
      notes: run.notes,
      actors: run.actors,
      files: run.files,
    };
    await mkdir(dirname(this.#path), { recursive: true });
    await writeFile(this.#path, JSON.stringify(state));
  }

  async #read(): Promise<State | undefined> {
    const text = await readText(this.#path).catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as State;
    } catch {
      return undefined;
    }
  }
}

async function hashOf(path: string): Promise<string | null> {
  const text = await readText(path);
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
async function toolHash({ contracts, generated, handlers }: GeneratorConfig): Promise<string> {
  const folder = dirname(fileURLToPath(import.meta.url));
  const files = (await readdir(folder, { recursive: true })).filter((name) => /\.[jt]s$/.test(name)).sort(byCodeUnit);
  const hashes = await Promise.all(files.map((name) => hashOf(join(folder, name))));
  return sha256([contracts, generated, handlers, ...hashes].join("\n"));
}

async function listing(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return sha256(names.sort(byCodeUnit).join("\n"));
}
