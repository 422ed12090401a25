/** What every broker does with its options and its URL in the same way. */
import { parseDuration, type Duration } from "./duration.js";
import { InvalidOptionError } from "./errors.js";
import { nearest } from "./nearest.js";

/** Refuses an option that does not exist, with the nearest one that does. */
export function refuseUnknownOptions(owner: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    const help = near === undefined ? `Known options: ${names.join(", ")}.` : `Did you mean "${near}"?`;
    throw new InvalidOptionError(`There is no option "${name}" of ${owner}. ${help}`);
  }
}

/** A duration in milliseconds, more than 0; the preset where none is given. */
export function durationOption(name: string, value: Duration | undefined, preset: number): number {
  const milliseconds = parseDuration(value ?? preset);
  if (milliseconds !== undefined && milliseconds > 0) return milliseconds;
  throw new InvalidOptionError(`"${name}" must be a duration of more than 0; it is ${JSON.stringify(value)}.`);
}

/** A URL as it may be shown: without what stands before the `@`. */
export function maskUrl(url: string): string {
  return JSON.stringify(url.replace(/\/\/[^/]*@/, "//***@"));
}
