/** Imports a user's file, TypeScript or JavaScript, on any Node that Callboard runs on. */
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildFailure } from "esbuild";
import { Failure, UsageError } from "./exit.js";

/** What a module exports. */
export type Module = Readonly<Record<string, unknown>>;

/** Imports a file. What it throws while it is loaded is thrown on, with its places in the original source. */
export async function importModule(path: string): Promise<Module> {
  const file = resolve(path);
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) throw new UsageError(`There is no file ${path}.`);
  process.setSourceMapsEnabled(true);
  // Compiled code needs no compiler, and no folder that can be written to.
  if ([".js", ".mjs"].includes(extname(file))) return load(file);

  const bundle = await bundled(file);
  try {
    return await load(bundle);
  } finally {
    rmSync(bundle, { force: true });
  }
}

async function load(file: string): Promise<Module> {
  try {
    return (await import(pathToFileURL(file).href)) as Module;
  } catch (error) {
    const missing = missingPackage(error);
    if (missing === undefined) throw error;
    throw new Failure(`The package "${missing}" is not installed: npm install ${missing}`);
  }
}

/** The package that an import did not find. Node has it only in the text of its error. */
function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) return undefined;
  return /^Cannot find package '([^'/.][^']*)'/.exec(error.message)?.[1];
}

/** Compiles a file, with all that it imports except packages, into one that Node can run. Returns its path. */
async function bundled(file: string): Promise<string> {
  const outfile = join(cacheFolder(file), `${process.pid}-${Date.now()}.mjs`);
  const esbuild = await import("esbuild");
  try {
    await esbuild.build({
      entryPoints: [file],
      outfile,
      bundle: true,
      packages: "external",
      platform: "node",
      format: "esm",
      target: "node20",
      loader: { ".lua": "text" },
      sourcemap: "inline",
      logLevel: "silent",
    });
  } catch (error) {
    throw isBuildFailure(error) ? new Failure(error.errors.map(describe).join("\n")) : error;
  } finally {
    // Its compiler is a process of its own, which would stay as long as the worker.
    await esbuild.stop();
  }
  return outfile;
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

function describe({ text, location }: BuildFailure["errors"][number]): string {
  if (location === null) return text;
  return `${relative(process.cwd(), resolve(location.file))}:${location.line}:${location.column + 1}: ${text}`;
}
