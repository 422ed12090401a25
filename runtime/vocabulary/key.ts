/** Keys that the functions of a contract make of an input: of a unique message, a partition, a limit. */

/** A key as text, or why there is none: what the function did instead, for a sentence that begins with it. */
export type Key =
  { readonly text: string; readonly fault?: never } | { readonly fault: string; readonly cause?: unknown };

/** Asks a function for the key of an input. Never throws. */
export function keyOf(key: (input: unknown) => unknown, input: unknown): Key {
  let value: unknown;
  try {
    value = key(input);
  } catch (cause) {
    return { fault: `threw ${cause instanceof Error ? `${cause.name}: ${cause.message}` : "something"}`, cause };
  }
  if (typeof value === "string" || (typeof value === "number" && Number.isFinite(value)))
    return { text: String(value) };
  return { fault: `returned ${shown(value)}` };
}

/** What it must do, for the same sentence. */
export const KEY_RULE = "must return a string or a finite number";

/** A value for people, without what is in it: an input is nobody's business in a log. */
function shown(value: unknown): string {
  if (value === null || typeof value === "number") return String(value);
  if (value instanceof Promise) {
    value.catch(() => undefined);
    return "a promise, and nobody waits for it";
  }
  return typeof value;
}
