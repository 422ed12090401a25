/** Where a worker writes. */
import { pino } from "pino";

/** A logger: pino's fits, and so does the console. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds these fields to each line; without it they are left out. */
  child?(fields: object): Logger;
}

/** How pino-pretty shows lines on a terminal. */
export const prettyOptions = { singleLine: true, ignore: "pid,hostname" };

/** pino on standard output: one JSON object per line, on a terminal lines for people; `LOG_LEVEL` sets the level. */
export function defaultLogger(): Logger {
  const pretty = process.stdout.isTTY && {
    transport: { target: "pino-pretty", options: prettyOptions },
  };
  return pino({ name: "callboard", level: process.env["LOG_LEVEL"] ?? "info", ...pretty });
}
