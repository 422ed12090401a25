/**
 * Reads and writes files: whole ones, and nothing that is already there. It waits for each: with thousands of small
 * files a promise costs several times what the file does.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { byCodeUnit } from "./problems.js";

/** The text of a file; `undefined` where there is none. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // A link may lead to a folder.
    if (isAbsent(error) || (error as NodeJS.ErrnoException).code === "EISDIR") return undefined;
    throw error;
  }
}

/** Whether an error says that there is no such file. */
function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** The SHA-256 of a text, in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Writes files: all of them beside their places first, then each into its place, so that a crash leaves no half file. */
export function writeFiles(root: string, files: ReadonlyMap<string, string>): void {
  const temporary = (path: string) => join(root, dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const folders = new Set([...files.keys()].map(dirname));
  try {
    for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
    for (const [path, text] of files) writeFileSync(temporary(path), text);
    for (const path of files.keys()) renameSync(temporary(path), join(root, path));
  } catch (error) {
    for (const path of files.keys()) succeeds(() => rmSync(temporary(path), { force: true }));
    throw error;
  }
}

/** Removes files, and the folders beneath `top` that are empty then. */
export function removeFiles(root: string, paths: readonly string[], top: string): void {
  for (const path of paths) {
    rmSync(join(root, path), { force: true });
    for (let folder = dirname(path); folder.startsWith(`${top}/`); folder = dirname(folder)) {
      const wasEmpty = succeeds(() => rmdirSync(join(root, folder)));
      if (!wasEmpty) break;
    }
  }
}

/**
 * All that is below a folder and no folder itself, but for packages, in the same order on every machine; `undefined`
 * where there is no such folder. A link is listed, never followed: it may lead anywhere, or round.
 */
export function listFiles(folder: string): readonly string[] | undefined {
  const found: string[] = [];
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = posix.join(below, entry.name);
      if (!entry.isDirectory()) found.push(path);
      else if (entry.name !== "node_modules") walk(path);
    }
  };
  try {
    walk("");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  return found.sort(byCodeUnit);
}

function succeeds(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
