/** Finds the contract files of a project. */
import { join, posix } from "node:path";
import { listFiles } from "./files.js";
import { toPosix } from "./paths.js";

/** The contract files, relative to the root, in the same order on every machine; `undefined` where there is no folder. */
export function discover(root: string, contracts: string): readonly string[] | undefined {
  const folder = posix.normalize(toPosix(contracts));
  const files = listFiles(join(root, folder));
  return files?.filter((path) => isContractFile(posix.basename(path))).map((path) => posix.join(folder, path));
}

/** Whether a file of this name can be a contract: TypeScript, no declarations, no test. */
function isContractFile(name: string): boolean {
  return /\.m?ts$/.test(name) && !/\.(d|test|spec)\.m?ts$/.test(name);
}
