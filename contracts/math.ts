/** Work for the processor. */
import { actor } from "callboard";
import { z } from "zod";

/** Computes the nth Fibonacci number, exactly: a bigint travels as a bigint. */
export const fibonacci = actor({
  input: z.int().min(0).max(10_000),
  output: z.bigint(),
});
