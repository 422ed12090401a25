import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { realpath } from "node:fs/promises";
import { isAbsolute, relative } from "node:path";
import { DoNotRetry } from "callboard";
import type { FilesHandlers } from "../../generated/worker.js";

export const files: FilesHandlers = {
  /** Computes the SHA-256 of a file below the worker's working directory. */
  async digestFile({ path }, task) {
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of createReadStream(await locate(path), { signal: task.signal })) {
      hash.update(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
    return { sha256: hash.digest("hex"), size };
  },

  /** Says whether files of these digests hold the same. */
  compareDigests(digests) {
    return new Set(digests.map(({ sha256 }) => sha256)).size === 1;
  },
};

/** The file that a path names; refuses what lies outside the working directory, also behind a link. */
async function locate(path: string): Promise<string> {
  const root = await realpath(".");
  const file = await realpath(path).catch((error: unknown) => {
    throw new DoNotRetry(`there is no file ${path}`, { cause: error });
  });
  const inside = relative(root, file);
  if (inside.startsWith("..") || isAbsolute(inside)) throw new DoNotRetry(`${path} is outside the working directory`);
  return file;
}
