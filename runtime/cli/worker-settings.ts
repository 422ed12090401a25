/** What the command line says about a worker, checked. */
import type { ParsedArgs } from "citty";
import { parseDuration } from "../vocabulary/duration.js";
import { UsageError } from "./exit.js";
import { readAddress, type Address } from "./http.js";
import type { Overrides } from "./protocol.js";

/** The options of `callboard worker`. */
export const workerArguments = {
  file: { type: "positional", required: true, description: "The file, such as ./worker.ts" },
  processes: { type: "string", valueHint: "n", description: "How many processes run it (default: 1)" },
  concurrency: { type: "string", valueHint: "n", description: "How many messages each process handles at once" },
  queues: { type: "string", valueHint: "a,b", description: "Take only these queues" },
  "shutdown-timeout": { type: "string", valueHint: "30s", description: "How long running handlers are waited for" },
  watch: { type: "boolean", description: "Generate, compile and reload at each change" },
  http: { type: "string", valueHint: "host:port", description: "Answer /healthz, /readyz and /metrics there" },
  "pid-file": { type: "string", valueHint: "path", description: "Keep the process id there, and do not run twice" },
  "log-level": { type: "string", valueHint: "level", description: "From trace to fatal, or silent (default: info)" },
} as const;

/** The command line, read. */
export interface WorkerSettings {
  readonly file: string;
  readonly processes: number;
  readonly overrides: Overrides;
  readonly watch: boolean;
  readonly http: Address | undefined;
  readonly pidFile: string | undefined;
  readonly logLevel: string;
}

const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** Reads the command line. Throws a UsageError for the first thing that is wrong with it. */
export function readWorkerSettings(args: ParsedArgs<typeof workerArguments>): WorkerSettings {
  const { file, processes = "1", concurrency, queues, watch = false, http, "pid-file": pidFile } = args;
  const shutdownTimeout = args["shutdown-timeout"];
  return {
    file,
    processes: readCount("--processes", processes),
    overrides: {
      ...(concurrency !== undefined && { concurrency: readCount("--concurrency", concurrency) }),
      ...(queues !== undefined && { queues: queues.split(",").map((queue) => queue.trim()) }),
      ...(shutdownTimeout !== undefined && { shutdownTimeout: readDuration("--shutdown-timeout", shutdownTimeout) }),
    },
    watch,
    http: http === undefined ? undefined : readAddress(http),
    pidFile,
    logLevel: readLogLevel(args["log-level"]),
  };
}

function readCount(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`${name} must be a whole number, 1 or more; it is "${text}".`);
}

/** A number alone would be milliseconds, which nobody means here. */
function readDuration(name: string, text: string): number {
  const milliseconds = /^\d+$/.test(text) ? undefined : parseDuration(text);
  if (milliseconds !== undefined) return milliseconds;
  throw new UsageError(`${name} must be a duration with its unit, such as 30s or 5m; it is "${text}".`);
}

function readLogLevel(option: string | undefined): string {
  const variable = process.env["LOG_LEVEL"];
  const level = option ?? variable ?? "info";
  if (logLevels.includes(level)) return level;
  const name = option === undefined ? "LOG_LEVEL" : "--log-level";
  throw new UsageError(`${name} must be one of ${logLevels.join(", ")}; it is "${level}".`);
}
