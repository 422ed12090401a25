import type { MathHandlers } from "../../generated/worker.js";

export const math: MathHandlers = {
  /** Computes the nth Fibonacci number, exactly: a bigint travels as a bigint. */
  fibonacci(n) {
    let [current, next] = [0n, 1n];
    for (let i = 0; i < n; i++) [current, next] = [next, current + next];
    return current;
  },
};
