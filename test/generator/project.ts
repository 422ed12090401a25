/** Makes projects to generate in: a temporary folder with contracts, zod and this repository as the package `callboard`. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { generate, type GenerateOptions, type Problem, type Report } from "../../generator/index.js";

/** The root of this repository. */
export const repository = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Files by their paths. */
export type Files = Readonly<Record<string, string>>;

const compilerOptions = {
  target: "es2022",
  lib: ["es2023"],
  types: ["node"],
  typeRoots: [join(repository, "node_modules/@types")],
  module: "nodenext",
  moduleResolution: "nodenext",
  moduleDetection: "force",
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noPropertyAccessFromIndexSignature: true,
  isolatedModules: true,
  verbatimModuleSyntax: true,
  skipLibCheck: true,
  noEmit: true,
  paths: {
    callboard: [join(repository, "runtime/index.ts")],
    "callboard/client": [join(repository, "runtime/client/index.ts")],
    "callboard/worker": [join(repository, "runtime/worker/index.ts")],
  },
};

/** A project in a folder of its own. */
export class Project {
  constructor(readonly root: string) {}

  path(...parts: readonly string[]): string {
    return join(this.root, ...parts);
  }

  async write(files: Files): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(this.path(path)), { recursive: true });
      await writeFile(this.path(path), text);
    }
  }

  async read(path: string): Promise<string> {
    return readFile(this.path(path), "utf8");
  }

  async remove(path: string): Promise<void> {
    await rm(this.path(path), { recursive: true });
  }

  /** All files beneath a folder with their texts. */
  async snapshot(folder: string): Promise<Files> {
    const entries = await readdir(this.path(folder), { recursive: true, withFileTypes: true }).catch(() => []);
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const files = await Promise.all(
      paths.toSorted().map(async (path) => [posix.relative(this.root, path), await readFile(path, "utf8")] as const),
    );
    return Object.fromEntries(files);
  }

  generate(options: Partial<GenerateOptions> = {}): Promise<Report> {
    return generate({
      root: this.root,
      contracts: "contracts",
      generated: "generated",
      handlers: "handlers",
      ...options,
    });
  }

  /** Generates what must be without problems. */
  async generateWell(options: Partial<GenerateOptions> = {}): Promise<Report> {
    const report = await this.generate(options);
    if (report.problems.length > 0) throw new Error(report.problems.map(summary).join("\n"));
    return report;
  }

  /** What the TypeScript compiler says of this project's files; empty when it is content. */
  async typeCheck(...args: readonly string[]): Promise<string> {
    const compiler = join(repository, "node_modules/typescript/bin/tsc");
    const options = { cwd: this.root, maxBuffer: 1 << 26 };
    const output = await promisify(execFile)(process.execPath, [compiler, "-p", ".", ...args], options).then(
      ({ stdout }) => stdout,
      ({ stdout, message }: Error & { stdout?: string }) => stdout || message,
    );
    // The runtime is checked elsewhere. What is indented belongs to the line before it.
    return output
      .split(/\n(?!\s)/)
      .filter((complaint) => !complaint.startsWith(".."))
      .join("\n");
  }
}

/** Makes a project with these files. It is removed when the test ends. */
export async function createProject(files: Files, { prefix = "callboard-" } = {}): Promise<Project> {
  const root = await realpath(await mkdtemp(join(tmpdir(), prefix)));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const project = new Project(root);
  await project.write({
    "package.json": JSON.stringify({ name: "example", private: true, type: "module" }),
    "tsconfig.json": JSON.stringify({ compilerOptions, include: ["contracts", "generated", "handlers", "src"] }),
    ...files,
  });
  await mkdir(project.path("node_modules"), { recursive: true });
  await symlink(repository, project.path("node_modules/callboard"), "junction");
  await symlink(join(repository, "node_modules/zod"), project.path("node_modules/zod"), "junction");
  return project;
}

/** A problem in one line: `CB3001 contracts/payments.ts:4:3 …`. */
export function summary({ code, file, line, column, message }: Problem): string {
  return `${code} ${file}:${line}:${column} ${message}`;
}

/** A contract file with the imports that it needs. */
export function contract(...lines: readonly string[]): string {
  return ['import { actor } from "callboard";', 'import { z } from "zod";', ...lines, ""].join("\n");
}
