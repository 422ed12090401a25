/** Work for the processor. */
import { actor } from "callboard";
import { z } from "zod";

/** Computes the nth Fibonacci number, exactly: a bigint travels as a bigint. */
export const fibonacci = actor({
  input: z.int().min(0).max(10_000),
  output: z.bigint(),
});

/**
 * Finds the prime factors of a number.
 *
 * It tries one divisor after the other and never yields, so it runs in a thread, which can be stopped.
 */
export const factorize = actor({
  input: z.int().min(2),
  output: z.array(z.number()),
  isolate: true,
  timeLimit: "5s",
  maxRetries: 0,
});
