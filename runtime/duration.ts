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

/** The duration in whole milliseconds; `undefined` when it is no duration, negative or not finite. */
export function parseDuration(duration: unknown): number | undefined {
  const value = typeof duration === "string" && duration !== "" ? ms(duration as ms.StringValue) : duration;
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? Math.round(value) : undefined;
}

/** Milliseconds as a person says them: `1500` is `1.5s`. */
export function formatDuration(milliseconds: number): string {
  return milliseconds < 60_000 && milliseconds >= 1000
    ? `${+(milliseconds / 1000).toFixed(1)}s`
    : ms(Math.round(milliseconds));
}
