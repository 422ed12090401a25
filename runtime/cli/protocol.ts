/** What the command and its worker processes say to each other. */
import type { StartOptions } from "../worker/worker.js";

/** What the command tells a process. */
export type Order =
  | { readonly kind: "run"; readonly assignment: Assignment }
  /** Give back what waits, finish what runs, and end. */
  | { readonly kind: "stop" }
  | { readonly kind: "report"; readonly id: number };

/** What a process is to run. */
export interface Assignment {
  /** The module to import. */
  readonly module: string;
  /** The file that it was made of, as the user named it. */
  readonly file: string;
  readonly overrides: StartOptions;
}

/** What a process tells the command. */
export type News =
  | { readonly kind: "ready"; readonly worker: WorkerFacts }
  /** It has begun to take messages: the broker is there. */
  | { readonly kind: "fetching" }
  /** The worker could not be started, for a reason that a person has to see. The process ends. */
  | { readonly kind: "failed"; readonly text: string; readonly isUsage: boolean }
  /** The worker's own file has stopped it. The process ends. */
  | { readonly kind: "finished" }
  | { readonly kind: "report"; readonly id: number; readonly report: Report };

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
  /** Its metrics in Prometheus' text format; absent where there are none. */
  readonly metrics?: string;
}

const kinds: Readonly<Record<News["kind"], true>> = {
  ready: true,
  fetching: true,
  failed: true,
  finished: true,
  report: true,
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
