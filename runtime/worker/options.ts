/** How a person wants a worker to behave: completed with the defaults, and what is wrong with it. */
import type { MaybePlaced } from "../middleware.js";
import type { Broker } from "../seams/broker.js";
import { duration, refuseUnknownOptions } from "../support/given-options.js";
import { defaults } from "../vocabulary/defaults.js";
import type { Duration } from "../vocabulary/duration.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import { nearest } from "../vocabulary/nearest.js";
import type { Seal } from "../wire/seal.js";
import type { Logger } from "./logger.js";
import type { Middleware } from "./middleware/compose.js";
import type { IsolateOptions } from "./threads/index.js";

/** How a worker behaves. */
export interface WorkerOptions<Queue extends string = string> {
  /** How many messages it handles at once. Default: 100. */
  readonly concurrency?: number;
  /** Take only these queues. Default: every queue that a contract names. */
  readonly queues?: readonly Queue[];
  /** How long `stop()` waits for running handlers before it gives their messages back. Default: `"30s"`. */
  readonly shutdownTimeout?: Duration;
  /** Opens sealed inputs, and seals the answers to them: `createSeal({ current, keys })`. Default: nothing is sealed. */
  readonly seal?: Seal;
  /**
   * How long a message for an actor that this worker does not know is put back, for one that does, before it is dead:
   * during a deploy, old and new workers share a queue. Default: `"5m"`.
   */
  readonly unknownActorGrace?: Duration;
  /**
   * Your own middleware, around each attempt; the first is the outermost of them. They stand next to the handler, or
   * where `use(middleware, { before: "retries" })` puts them. Built in are `rescue`, `flows`, `pauses`, `results`,
   * `unique`, `control`, `track`, `input`, `maxAge`, `exhausted`, `limits`, `retries`, `isolate`, `timeLimit`.
   */
  readonly middleware?: readonly MaybePlaced<Middleware>[];
  /**
   * Where the handlers are of actors that are declared `isolate: true`, which run in threads: a module that exports the
   * groups as `handlers` has them, `new URL("./handlers/index.js", import.meta.url)`. Needs the package piscina.
   */
  readonly isolate?: URL | IsolateOptions;
  /** Where it logs. Default: pino, one JSON object per line on standard output. */
  readonly logger?: Logger;
}

/** What can be changed at the start. */
export interface StartOptions extends Pick<WorkerOptions, "concurrency" | "queues" | "shutdownTimeout"> {
  /** Middleware of whoever runs the worker, made for its broker: beside its own, where it is not among them already. */
  readonly middleware?: (broker: Broker) => readonly MaybePlaced<Middleware>[];
}

const workerOptionNames = [
  "concurrency",
  "queues",
  "shutdownTimeout",
  "unknownActorGrace",
  "logger",
  "seal",
  "middleware",
  "isolate",
] as const satisfies (keyof WorkerOptions)[];

/** Completes the options of a worker whose contracts name some queues. */
export function checkWorkerOptions(options: WorkerOptions, known: readonly string[]) {
  refuseUnknownOptions("the worker", options, workerOptionNames);
  const { concurrency = defaults.worker.concurrency, queues = known } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new InvalidOptionError(`"concurrency" must be a whole number, 1 or more; it is ${concurrency}.`);
  }
  if (queues.length === 0) throw new InvalidOptionError("The worker has no queue to take messages from.");
  for (const queue of queues) {
    if (known.includes(queue)) continue;
    const near = nearest(queue, known);
    const help = near === undefined ? `Known queues: ${known.join(", ")}.` : `Did you mean "${near}"?`;
    throw new InvalidOptionError(`No contract names the queue "${queue}". ${help}`);
  }
  const shutdownTimeout = duration('"shutdownTimeout"', options.shutdownTimeout) ?? defaults.worker.shutdownTimeout;
  const unknownActorGrace =
    duration('"unknownActorGrace"', options.unknownActorGrace) ?? defaults.worker.unknownActorGrace;
  return { concurrency, queues: [...new Set(queues)], shutdownTimeout, unknownActorGrace };
}
