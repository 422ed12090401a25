/** The thread that loads contracts: it imports their bundle, finds the actors, and sends back what they are as plain data. */
import { parentPort, workerData } from "node:worker_threads";
import { isContract, type Contract } from "../runtime/vocabulary/contract.js";
import { checkSchedules } from "../runtime/vocabulary/cron.js";
import { checkOptions, resolveOptions, type OptionIssue, type ResolvedOptions } from "../runtime/vocabulary/options.js";
import { drawSide } from "./schema.js";
import type { Side } from "./shape.js";

/** What the thread is given. */
export interface LoaderTask {
  /** The modules to load, by their URLs. */
  readonly modules: readonly string[];
  /** A module that imports them all: loading them at once takes half the time. Absent where that has hung. */
  readonly all: string | undefined;
  /** One number: the index of the module that is being loaded; as it was given while it is all of them. It tells which one hangs. */
  readonly progress: SharedArrayBuffer;
}

/** What a module turned out to hold. */
export type LoadedModule = { readonly exports: readonly LoadedExport[] } | { readonly error: LoadError };

/** An actor among a module's exports. */
export interface LoadedExport {
  readonly name: string;
  /** Which of the loaded actors it is. */
  readonly actor: number;
}

/** What was thrown while a module was loaded. */
export interface LoadError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** An actor as it is at run time. */
export type LoadedActor = { readonly issues: readonly OptionIssue[] } & (
  | { readonly complete: false }
  | {
      readonly complete: true;
      readonly name: string | undefined;
      readonly options: ResolvedOptions;
      readonly input: SchemaSides;
      readonly output: SchemaSides | undefined;
      readonly progress: SchemaSides | undefined;
      readonly tracked: boolean;
    }
);

/** Both sides of a schema. */
export interface SchemaSides {
  readonly input: Side;
  readonly output: Side;
}

/** What the thread answers. */
export interface LoaderAnswer {
  readonly modules: readonly LoadedModule[];
  readonly actors: readonly LoadedActor[];
}

/** The actors of all modules, each once, however many exports lead to it. */
class Registry {
  readonly #actors: LoadedActor[] = [];
  readonly #numbers = new Map<object, number>();

  add(contract: Contract, names: ReadonlyMap<unknown, string>): number {
    const known = this.#numbers.get(contract);
    if (known !== undefined) return known;
    const number = this.#actors.length;
    this.#numbers.set(contract, number);
    this.#actors.push(describe(contract, names));
    return number;
  }

  /** All of them. Only now is it known which contracts are exported: what names another one is held to that. */
  get actors(): readonly LoadedActor[] {
    const contracts = [...this.#numbers.keys()];
    return this.#actors.map((actor, number) => {
      const contract = contracts[number];
      if (!isContract(contract) || !this.#namesStranger(contract)) return actor;
      const message = '"onRetryExhausted" must be a contract that a file of the contracts folder exports; none does.';
      return { ...actor, issues: [...actor.issues, { option: "onRetryExhausted", kind: "invalid", message }] };
    });
  }

  #namesStranger({ options: { onRetryExhausted } }: Contract): boolean {
    return isContract(onRetryExhausted) && !this.#numbers.has(onRetryExhausted);
  }
}

function describe({ options }: Contract, names: ReadonlyMap<unknown, string>): LoadedActor {
  const stated = checkOptions(options).map((issue) => explainZod3(issue, options));
  const issues = stated.length > 0 ? stated : scheduleIssues(options);
  const isFlawed = (option: string) => issues.some((issue) => issue.option === option);
  if (["input", "output", "progress"].some(isFlawed)) return { issues, complete: false };
  const sides = (schema: typeof options.input): SchemaSides => ({
    input: drawSide(schema, "input", names),
    output: drawSide(schema, "output", names),
  });
  return {
    issues,
    complete: true,
    name: isFlawed("name") ? undefined : options.name,
    options: resolveOptions(options),
    input: sides(options.input),
    output: options.output === undefined ? undefined : sides(options.output),
    progress: options.progress === undefined ? undefined : sides(options.progress),
    tracked: options.track === true || options.progress !== undefined,
  };
}

/** What only the clock and the schema can say of schedules. */
function scheduleIssues(options: Contract["options"]): readonly OptionIssue[] {
  return checkSchedules(options).map((message) => ({
    option: "schedule",
    kind: "invalid",
    message: `"schedule": ${message}`,
  }));
}

/** An application may have both versions of zod, and their schemas look alike to people. */
function explainZod3(issue: OptionIssue, options: Contract["options"]): OptionIssue {
  const value: unknown = Object.entries(options).find(([name]) => name === issue.option)?.[1];
  const { _def: definition } = Object(value) as { readonly _def?: { readonly typeName?: unknown } };
  if (typeof definition?.typeName !== "string") return issue;
  const message = `"${issue.option}" is a zod 3 schema; it must be one of zod 4: import { z } from "zod".`;
  return { ...issue, message };
}

async function load({ modules, all, progress }: LoaderTask): Promise<LoaderAnswer> {
  const registry = new Registry();
  const current = new Int32Array(progress);
  // Whatever is wrong with one of them shows when that one is loaded by itself.
  if (all !== undefined) await import(all).catch(() => undefined);
  const loaded: LoadedModule[] = [];
  for (const [index, url] of modules.entries()) {
    Atomics.store(current, 0, index);
    try {
      const namespace = (await import(url)) as Readonly<Record<string, unknown>>;
      loaded.push({ exports: readExports(namespace, registry) });
    } catch (error) {
      loaded.push({ error: toLoadError(error) });
    }
  }
  return { modules: loaded, actors: registry.actors };
}

function readExports(namespace: Readonly<Record<string, unknown>>, registry: Registry): readonly LoadedExport[] {
  const entries = Object.entries(namespace);
  const names = new Map(entries.map(([name, value]) => [value, name]));
  return entries.flatMap(([name, value]) => (isContract(value) ? [{ name, actor: registry.add(value, names) }] : []));
}

function toLoadError(error: unknown): LoadError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: "" };
  return { name: error.name, message: error.message, stack: error.stack ?? "" };
}

/** A contract that ends the process would end it without a word. */
function forbidExit(): void {
  process.exit = ((code?: number | string) => {
    throw new Error(`process.exit(${code ?? ""}) was called`);
  }) as typeof process.exit;
}

forbidExit();
const answer = await load(workerData as LoaderTask);
parentPort?.postMessage(answer);
// A contract may have left something running, such as a timer: the thread ends nevertheless.
parentPort?.close();
