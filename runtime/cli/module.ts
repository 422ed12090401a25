/** Imports a module that a user wrote. */
import { pathToFileURL } from "node:url";
import { Failure } from "./exit.js";

/** What a module exports. */
export type Module = Readonly<Record<string, unknown>>;

/** Imports a file that Node can run. What it throws is thrown on, with its places in the original source. */
export async function importModule(path: string): Promise<Module> {
  process.setSourceMapsEnabled(true);
  try {
    return (await import(pathToFileURL(path).href)) as Module;
  } catch (error) {
    const missing = missingPackage(error);
    if (missing === undefined) throw error;
    throw new Failure(`The package "${missing}" is not installed: npm install ${missing}`);
  }
}

/** The package that an import did not find. Node has it only in the text of its error. */
export function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) return undefined;
  return /^Cannot find package '([^'/.][^']*)'/.exec(error.message)?.[1];
}
