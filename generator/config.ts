/** Where a project keeps its contracts, and where generated code and handlers go. */
import { readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { InvalidOptionError } from "../runtime/vocabulary/errors.js";
import { nearest } from "../runtime/vocabulary/nearest.js";

/** The folders of a project. `root` is absolute, the others are relative to it. */
export interface GeneratorConfig {
  readonly root: string;
  readonly contracts: string;
  readonly generated: string;
  readonly handlers: string;
}

const defaults = { contracts: "contracts", generated: "generated", handlers: "handlers" } as const;
const names = Object.keys(defaults) as readonly (keyof typeof defaults)[];
/** Beside the folders: where the command line finds the broker. */
const BROKER = "broker";

/** Reads "callboard" of package.json over the defaults. Throws `InvalidOptionError` where it is wrong. */
export function readConfig(root: string): GeneratorConfig {
  const file = join(root, "package.json");
  const section = readSection(file);
  const config: { -readonly [Name in keyof GeneratorConfig]: string } = { root: resolve(root), ...defaults };
  for (const [name, value] of Object.entries(section)) {
    if (name === BROKER) continue;
    if (!isName(name)) {
      const known = [...names, BROKER];
      const near = nearest(name, known);
      const help = near === undefined ? `Known names: ${known.join(", ")}.` : `Did you mean "${near}"?`;
      throw new InvalidOptionError(`${file}: "callboard" has no "${name}". ${help}`);
    }
    if (typeof value !== "string" || value === "") {
      throw new InvalidOptionError(`${file}: "${name}" of "callboard" must be the path of a folder.`);
    }
    config[name] = value;
  }
  return config;
}

/** The broker's URL, or the file that exports it, where package.json says one. */
export function readBrokerSetting(root: string): string | undefined {
  const file = join(root, "package.json");
  const value: unknown = Object.entries(readSection(file)).find(([name]) => name === BROKER)?.[1];
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw new InvalidOptionError(`${file}: "${BROKER}" of "callboard" must be a URL or the path of a file.`);
}

/** What is wrong with the folders of a configuration, or nothing. */
export function checkConfig(config: GeneratorConfig): string | undefined {
  const folders = names.map((name) => ({ name, path: relative(config.root, resolve(config.root, config[name])) }));
  for (const { name, path } of folders) {
    if (path === "") return `The folder of "${name}" is the project itself.`;
    if (path === ".." || path.startsWith(`..${sep}`))
      return `The folder of "${name}" (${path}) is outside the project.`;
    const other = folders.find((folder) => folder.name !== name && `${path}${sep}`.startsWith(`${folder.path}${sep}`));
    if (other !== undefined)
      return `The folder of "${name}" (${path}) is inside that of "${other.name}" (${other.path}).`;
  }
  return undefined;
}

function isName(name: string): name is keyof typeof defaults {
  return Object.hasOwn(defaults, name);
}

function readSection(file: string): object {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new InvalidOptionError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new InvalidOptionError(`${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
  const section = (content as { callboard?: unknown } | null)?.callboard ?? {};
  if (typeof section === "object" && !Array.isArray(section)) return section;
  throw new InvalidOptionError(`${file}: "callboard" must be an object.`);
}
