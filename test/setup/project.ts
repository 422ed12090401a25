/** Projects of users, made for a test: folders of files, with `callboard` and zod installed where that is wanted. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { runCommand, startCommand, type CommandOptions, type Ended, type RunningCommand } from "./command.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** A folder of its own. It is removed when its test ends. */
export interface Folder {
  readonly directory: string;
  /** Writes a file, and the folders that it needs. */
  write(path: string, text: string): void;
}

/** Makes a folder with these files. */
export function createFolder(files: Readonly<Record<string, string>>): Folder {
  const directory = mkdtempSync(join(tmpdir(), "callboard-project-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  return { directory, write };
}

/** A project that has this repository installed as `callboard`. */
export interface Project extends Folder {
  /** Runs the built `callboard` command in the project, to its end. */
  callboard(...args: readonly string[]): Promise<Ended>;
  /** Starts the built `callboard` command in the project. */
  start(args: readonly string[], env?: CommandOptions["env"]): RunningCommand;
}

/** Makes a project with these files beside a package.json. */
export function createProject(files: Readonly<Record<string, string>> = {}): Project {
  const manifest = `{ "name": "project", "private": true, "type": "module" }\n`;
  const folder = createFolder({ "package.json": manifest, ...files });
  const { directory } = folder;
  mkdirSync(join(directory, "node_modules"));
  symlinkSync(repository, join(directory, "node_modules", "callboard"));
  symlinkSync(join(repository, "node_modules", "zod"), join(directory, "node_modules", "zod"));

  const command = join(repository, "dist", "cli", "main.js");
  return {
    ...folder,
    callboard: (...args) => runCommand(process.execPath, [command, ...args], { cwd: directory }),
    start: (args, env = {}) => startCommand(process.execPath, [command, ...args], { cwd: directory, env }),
  };
}
