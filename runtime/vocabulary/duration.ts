import ms from "ms";

type Unit =
  | "ms"
  | "millisecond"
  | "milliseconds"
  | "s"
  | "sec"
  | "second"
  | "seconds"
  | "m"
  | "min"
  | "minute"
  | "minutes"
  | "h"
  | "hr"
  | "hour"
  | "hours"
  | "d"
  | "day"
  | "days"
  | "w"
  | "week"
  | "weeks";

/** A length of time: milliseconds, or a number with a unit as the `ms` package reads it (`"1.5s"`, `"10 minutes"`, `"7d"`). */
export type Duration = number | `${number}${Unit}` | `${number} ${Unit}`;

/** Ten years, in milliseconds: nothing that lasts longer is meant. */
const LONGEST = 10 * 365.25 * 24 * 60 * 60_000;

/** The duration in whole milliseconds; `undefined` when it is no duration, negative, or longer than ten years. */
export function parseDuration(duration: unknown): number | undefined {
  const value = typeof duration === "string" && duration !== "" ? ms(duration as ms.StringValue) : duration;
  return typeof value === "number" && value >= 0 && value <= LONGEST ? Math.round(value) : undefined;
}
