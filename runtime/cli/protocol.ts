/** What the command and its worker processes say to each other. */
import type { ProcessMetrics } from "../metrics/processes.js";
import type { StartOptions } from "../worker/options.js";

/** How long a process that is to end may go on loading its worker's file, in milliseconds. */
export const LOADING_TIME = 5000;

/** What the command tells a process. */
export type Order =
  | { readonly kind: "run"; readonly assignment: Assignment }
  /** Give back what waits, finish what runs, and end. */
  | { readonly kind: "stop" }
  | { readonly kind: "report"; readonly id: number }
  | { readonly kind: "measure"; readonly id: number };

/** What a process is to run. */
export interface Assignment {
  /** The module to import. */
  readonly module: string;
  /** The file that it was made of, as the user named it. */
  readonly file: string;
  readonly overrides: Overrides;
  /** Whether it will be asked for metrics. */
  readonly isMeasured: boolean;
}

/** What the command line says instead of the worker's file. */
export type Overrides = Pick<StartOptions, "concurrency" | "queues" | "shutdownTimeout">;

/** What a process tells the command. */
export type News =
  | { readonly kind: "ready"; readonly worker: WorkerFacts }
  /** It has begun to take messages: the broker is there. */
  | { readonly kind: "fetching" }
  /** The worker could not be started, for a reason that a person has to see. The process ends. */
  | {
      readonly kind: "failed";
      readonly text: string;
      readonly isUsage: boolean;
      /** The actors that it has no handlers for, where that is the reason. */
      readonly unhandled?: readonly string[] | undefined;
    }
  /** The worker's own file has stopped it. The process ends. */
  | { readonly kind: "finished" }
  | { readonly kind: "report"; readonly id: number; readonly report: Report }
  | { readonly kind: "metrics"; readonly id: number; readonly metrics: ProcessMetrics };

/** What does not change while a worker runs. */
export interface WorkerFacts {
  readonly broker: string;
  readonly queues: readonly string[];
  readonly concurrency: number;
  /** In milliseconds. */
  readonly shutdownTimeout: number;
}

/** How a worker is now. */
export interface Report {
  /** Whether it is really fetching from every queue. */
  readonly healthy: boolean;
  /** How many handlers run. */
  readonly running: number;
}

const kinds: Readonly<Record<News["kind"], true>> = {
  ready: true,
  fetching: true,
  failed: true,
  finished: true,
  report: true,
  metrics: true,
};

/** Whether a message of a process is meant for the command: a user's code may send some of its own. */
export function isNews(message: unknown): message is News {
  return (
    typeof message === "object" &&
    message !== null &&
    "kind" in message &&
    typeof message.kind === "string" &&
    Object.hasOwn(kinds, message.kind)
  );
}
