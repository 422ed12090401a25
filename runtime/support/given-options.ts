/** What is done in the same way with the options that a person gives, wherever they are given. */
import { parseDuration, type Duration } from "../vocabulary/duration.js";
import { badDuration, InvalidOptionError } from "../vocabulary/errors.js";
import { nearest } from "../vocabulary/nearest.js";

/** Refuses an option that does not exist, with the nearest one that does. */
export function refuseUnknownOptions(owner: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    const help = near === undefined ? `Known options: ${names.join(", ")}.` : `Did you mean "${near}"?`;
    throw new InvalidOptionError(`There is no option "${name}" of ${owner}. ${help}`);
  }
}

/** A duration in milliseconds, 0 or more; `undefined` where none is given. */
export function duration(name: string, value: Duration | undefined): number | undefined {
  if (value === undefined) return undefined;
  const milliseconds = parseDuration(value);
  if (milliseconds === undefined) throw badDuration(name, value);
  return milliseconds;
}

/** The longest time that Node's timers can be set to, in milliseconds: about 24.8 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A duration that is waited for, in milliseconds; the preset where none is given. */
export function durationOption(name: string, value: Duration | undefined, preset: number, least = 1): number {
  const milliseconds = duration(`"${name}"`, value) ?? preset;
  if (milliseconds >= least && milliseconds <= LONGEST_TIMER) return milliseconds;
  throw new InvalidOptionError(`"${name}" must be ${least} ms to 24 days; it is ${JSON.stringify(value)}.`);
}

/** A URL as it may be shown: without what stands before the `@`. */
export function maskUrl(url: string): string {
  return JSON.stringify(url.replace(/^([a-z+.-]*:)?(\/\/)?.*@/is, "$1$2***@"));
}
