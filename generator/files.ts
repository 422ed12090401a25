/** Reads and writes files: whole ones, and nothing that is already there. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { byCodeUnit } from "./problems.js";

/** The text of a file; `undefined` where there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    // A link may lead to a folder.
    if (isAbsent(error) || (error as NodeJS.ErrnoException).code === "EISDIR") return undefined;
    throw error;
  }
}

/** Whether an error says that there is no such file. */
export function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** The SHA-256 of a text, in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Writes files: all of them beside their places first, then each into its place, so that a crash leaves no half file. */
export async function writeFiles(root: string, files: ReadonlyMap<string, string>): Promise<void> {
  const temporary = (path: string) => join(root, dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    for (const [path, text] of files) {
      await mkdir(join(root, dirname(path)), { recursive: true });
      await writeFile(temporary(path), text);
    }
    for (const path of files.keys()) await rename(temporary(path), join(root, path));
  } catch (error) {
    await Promise.all([...files.keys()].map((path) => rm(temporary(path), { force: true }).catch(() => undefined)));
    throw error;
  }
}

/** Removes files, and the folders beneath `top` that are empty then. */
export async function removeFiles(root: string, paths: readonly string[], top: string): Promise<void> {
  for (const path of paths) {
    await rm(join(root, path), { force: true });
    for (let folder = dirname(path); folder.startsWith(`${top}/`); folder = dirname(folder)) {
      const isEmpty = await rmdir(join(root, folder)).then(
        () => true,
        () => false,
      );
      if (!isEmpty) break;
    }
  }
}

/**
 * All that is below a folder and no folder itself, but for packages, in the same order on every machine; `undefined`
 * where there is no such folder. A link is listed, never followed: it may lead anywhere, or round.
 */
export async function listFiles(folder: string): Promise<readonly string[] | undefined> {
  const found: string[] = [];
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      const path = posix.join(below, entry.name);
      if (!entry.isDirectory()) found.push(path);
      else if (entry.name !== "node_modules") await walk(path);
    }
  };
  try {
    await walk("");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  return found.sort(byCodeUnit);
}
