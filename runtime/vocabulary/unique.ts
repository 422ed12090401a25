/** Unique messages, as a contract declares them: completed with the defaults, and what is wrong with them. */
import type { UniqueMode, UniqueOptions } from "./contract.js";
import { defaults } from "./defaults.js";
import { parseDuration } from "./duration.js";
import { faultOf, type MemberRule } from "./member-rules.js";

/** A contract's `unique` with nothing left open. */
export interface Unique {
  readonly key: (input: unknown) => unknown;
  /** Milliseconds. */
  readonly for: number;
  readonly mode: UniqueMode;
  readonly freeAtEnd: boolean;
}

const modes: Readonly<Record<UniqueMode, true>> = { drop: true, replace: true, debounce: true };

const rules: Readonly<Record<keyof UniqueOptions, MemberRule>> = {
  key: { check: (value) => typeof value === "function", expected: "a function of the input" },
  for: {
    check: (value) => (parseDuration(value) ?? 0) > 0,
    expected: 'a duration of at most ten years, more than 0, such as "10m"',
  },
  mode: {
    check: (value) => typeof value === "string" && Object.hasOwn(modes, value),
    expected: '"drop", "replace" or "debounce"',
  },
  freeAtEnd: { check: (value) => typeof value === "boolean", expected: "true or false" },
};

/** What is wrong with an object that is given as `unique`, in a sentence; `undefined` when nothing is. */
export function uniqueFault(value: unknown): string | undefined {
  return faultOf(value as object, rules, ["key", "for"]);
}

/** The options with every default filled in. They must have passed `checkOptions`. */
export function resolveUnique(given: UniqueOptions | undefined): Unique | undefined {
  if (given === undefined) return undefined;
  const { mode, freeAtEnd } = defaults.unique;
  return {
    key: (input) => given.key(input),
    for: parseDuration(given.for) ?? 0,
    mode: given.mode ?? mode,
    freeAtEnd: given.freeAtEnd ?? freeAtEnd,
  };
}
