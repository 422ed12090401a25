/** Waiting in tests: for a condition, or for the event loop, never for a guess. */
export { turn } from "../../runtime/testing/turn.js";

/** Resolves as soon as the condition holds; fails after `limit` milliseconds, saying what it waited for. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limit = 20_000,
): Promise<void> {
  const deadline = performance.now() + limit;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${limit} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
