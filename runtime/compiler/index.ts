/** Compiles a user's file, TypeScript or JavaScript, into one that any Node runs which Callboard runs on. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildFailure, BuildOptions, Loader, Plugin } from "esbuild";
import { CompileError } from "../vocabulary/errors.js";

/** Whether Node runs a file as it is. Compiled code needs no compiler, and no folder that can be written to. */
export function isCompiled(file: string): boolean {
  return [".js", ".mjs", ".cjs"].includes(extname(file));
}

/** How a file is compiled, with all that it imports except packages, into one. */
export function compilerOptions(file: string) {
  return {
    entryPoints: [file],
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    loader: { ".lua": "text" },
    plugins: [ownAddresses],
    keepNames: true,
    sourcemap: "inline",
    logLevel: "silent",
  } as const satisfies BuildOptions;
}

/** Compiles a file. Returns the path of what it became; whoever asked removes that. */
export async function compile(file: string): Promise<string> {
  const outfile = join(cacheFolder(file), `${process.pid}-thread-${++compiled}.mjs`);
  const esbuild = await import("esbuild");
  try {
    await esbuild.build({ ...compilerOptions(file), outfile });
  } catch (error) {
    throw toCompileError(error);
  } finally {
    // Its compiler is a process of its own, which would stay as long as the worker.
    await esbuild.stop();
  }
  return outfile;
}

let compiled = 0;

const loaders: Readonly<Record<string, Loader>> = { ".tsx": "tsx", ".jsx": "jsx", ".js": "js", ".mjs": "js" };

const ADDRESS = /\bimport\.meta\.(url|dirname|filename)\b/g;

/** `import.meta` stays the address of the file that it is written in: paths beside that are found from there. */
const ownAddresses: Plugin = {
  name: "own-addresses",
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      if (text.search(ADDRESS) === -1) return undefined;
      const address = { url: pathToFileURL(path).href, dirname: dirname(path), filename: path };
      const contents = text.replaceAll(ADDRESS, (_, part: keyof typeof address) => JSON.stringify(address[part]));
      return { contents, loader: loaders[extname(path)] ?? "ts" };
    });
  },
};

/** A folder for what a file becomes, from which its packages are found as from the file itself. */
export function cacheFolder(file: string): string {
  let project = dirname(file);
  while (!existsSync(join(project, "package.json")) && dirname(project) !== project) project = dirname(project);
  const folder = join(project, "node_modules", ".cache", "callboard");
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    const help = "Make it writable, or compile the file to JavaScript beforehand and run that.";
    throw new CompileError(`The folder ${folder} cannot be made: ${(error as Error).message}. ${help}`);
  }
  return folder;
}

/** What is wrong with a file, with its place; any other error stays what it is. */
export function toCompileError(error: unknown): unknown {
  return isBuildFailure(error) ? new CompileError(error.errors.map(describe).join("\n")) : error;
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error;
}

function describe({ text, location }: BuildFailure["errors"][number]): string {
  if (location === null) return text;
  return `${relative(process.cwd(), resolve(location.file))}:${location.line}:${location.column + 1}: ${text}`;
}
