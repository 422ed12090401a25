/** Finds the contract files of a project. */
import { readdir } from "node:fs/promises";
import { join, posix } from "node:path";
import { toPosix } from "./paths.js";
import { byCodeUnit } from "./problems.js";

/** The contract files, relative to the root, in the same order on every machine; `undefined` where there is no folder. */
export async function discover(root: string, contracts: string): Promise<readonly string[] | undefined> {
  const folder = posix.normalize(toPosix(contracts));
  try {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && isContractFile(entry.name))
      .map((entry) =>
        posix.join(folder, toPosix(join(entry.parentPath, entry.name)).slice(toPosix(join(root, folder)).length)),
      )
      .filter((path) => !path.includes("/node_modules/"))
      .sort(byCodeUnit);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Whether a file of this name can be a contract: TypeScript, no declarations, no test. */
export function isContractFile(name: string): boolean {
  return /\.m?ts$/.test(name) && !/\.(d|test|spec)\.m?ts$/.test(name);
}
