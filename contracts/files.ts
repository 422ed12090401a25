/** Work on files of the worker's machine. */
import { actor } from "callboard";
import { z } from "zod";

const digest = z.object({
  /** 64 hexadecimal digits. */
  sha256: z.hash("sha256"),
  /** In bytes. */
  size: z.int().nonnegative(),
});

/** Computes the SHA-256 of a file below the worker's working directory. */
export const digestFile = actor({
  input: z.object({
    /** Relative to the worker's working directory, such as `package.json`. */
    path: z.string().min(1),
  }),
  output: digest,
});

/** Says whether files of these digests hold the same. */
export const compareDigests = actor({ input: z.array(digest).min(2), output: z.boolean() });
