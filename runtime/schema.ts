/** A schema made fit for the hot path: compiled once, at the first value, and synchronous where the schema is. */
import * as z from "zod/v4/core";
import type { Issue } from "./vocabulary/errors.js";

/** What came of checking a value. */
export type Checked =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly issues: readonly Issue[] };

/** Checks values against one schema. */
export interface Validator {
  /** Whether its values hold types that JSON lacks, so that they travel tagged. */
  readonly tagged: boolean;
  /** Checks a value and applies defaults and transforms. A promise only for a schema with asynchronous parts. */
  check(value: unknown): Checked | Promise<Checked>;
}

export function createValidator(schema: z.$ZodType, tagged: boolean): Validator {
  let compiled: z.$ZodType | undefined;
  let asynchronous = false;
  return {
    tagged,
    check(value) {
      if (asynchronous) return z.safeParseAsync(schema, value).then(toChecked);
      // Compiling costs about 0.5 ms a schema; a producer that knows a thousand actors uses a few.
      compiled ??= z.compile(schema);
      try {
        return toChecked(z.safeParse(compiled, value));
      } catch (error) {
        if (!(error instanceof z.$ZodAsyncError)) throw error;
        asynchronous = true;
        return this.check(value);
      }
    },
  };
}

function toChecked(result: z.util.SafeParseResult<unknown>): Checked {
  if (result.success) return { ok: true, value: result.data };
  return {
    ok: false,
    issues: result.error.issues.map(({ path, message }) => ({ path: formatPath(path), message })),
  };
}

/** `["items", 2, "price"]` as a person writes it: `items[2].price`. */
function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}
