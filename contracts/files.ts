/** Work on files of the worker's machine. */
import { actor } from "callboard";
import { z } from "zod";

/** Computes the SHA-256 of a file below the worker's working directory. */
export const digestFile = actor({
  input: z.object({
    /** Relative to the worker's working directory, such as `package.json`. */
    path: z.string().min(1),
  }),
  output: z.object({
    /** 64 hexadecimal digits. */
    sha256: z.hash("sha256"),
    /** In bytes. */
    size: z.int().nonnegative(),
  }),
});
