/** Where a worker writes. */
import { pino, stdSerializers } from "pino";
import { createReadable } from "./log-lines.js";

/** A logger: pino's fits, and so does the console. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds these fields to each line; without it they are left out. */
  child?(fields: object): Logger;
}

/** How errors are logged: with their own message, where pino adds those of the causes that ours name already. */
export const serializers = {
  err: (error: unknown) => (error instanceof Error ? { ...stdSerializers.err(error), message: error.message } : error),
};

/** pino on standard output: one JSON object per line, on a terminal lines for people; `LOG_LEVEL` sets the level. */
export function defaultLogger(): Logger {
  const level = process.env["LOG_LEVEL"] ?? "info";
  const options = { name: "callboard", level, serializers };
  if (!process.stdout.isTTY) return pino(options);
  const readable = createReadable();
  return pino(options, { write: (line: string) => void process.stdout.write(readable(line)) });
}
