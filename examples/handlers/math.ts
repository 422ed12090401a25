import type { MathHandlers } from "../../generated/worker.js";

export const math: MathHandlers = {
  /** Computes the nth Fibonacci number, exactly: a bigint travels as a bigint. */
  fibonacci(n) {
    let [current, next] = [0n, 1n];
    for (let i = 0; i < n; i++) [current, next] = [next, current + next];
    return current;
  },

  /**
   * Finds the prime factors of a number.
   *
   * It tries one divisor after the other and never yields, so it runs in a thread, which can be stopped.
   */
  factorize(n) {
    const factors: number[] = [];
    let rest = n;
    for (let divisor = 2; divisor * divisor <= rest; divisor++) {
      for (; rest % divisor === 0; rest /= divisor) factors.push(divisor);
    }
    return rest > 1 ? [...factors, rest] : factors;
  },
};
