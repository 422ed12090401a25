/** How many random sequences are tried, and for how long. */

const SOAKING = process.env["SOAK"] === "1";
const MINUTE = 60_000;

/** What fast-check is told: so many sequences, and fifty times as many with `SOAK=1`. A failure is made shorter for a minute. */
export function rounds(count: number): { readonly numRuns: number; readonly interruptAfterTimeLimit: number } {
  return SOAKING
    ? { numRuns: 50 * count, interruptAfterTimeLimit: 50 * MINUTE }
    : { numRuns: count, interruptAfterTimeLimit: MINUTE };
}

/** The time that a test has for its sequences, in milliseconds. */
export const ROUNDS_TIMEOUT = 60 * MINUTE;
