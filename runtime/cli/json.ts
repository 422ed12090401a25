/** What `--json` prints: one object on one line, in which times are ISO 8601 texts and lengths of time milliseconds. */
import type { Overview } from "../operations/queues.js";
import type { ListedSchedule } from "../operations/schedules.js";
import type { ListedWorker } from "../operations/workers.js";
import type { DeadLetter } from "../seams/broker.js";
import { errorColors } from "./colors.js";

/** Whether the command was asked for JSON; also where its arguments cannot be read. */
export function isJsonAsked(): boolean {
  return process.argv.includes("--json");
}

/** Prints what a command has to tell. A list is a member: what is told beside it can come later without breaking anybody. */
export function printJson(told: object): void {
  console.log(JSON.stringify(told));
}

/** Says on standard error what is to be known beside the answer: a line for people, or one of JSON. */
export function note(sentence: string): void {
  console.error(isJsonAsked() ? JSON.stringify({ note: sentence }) : errorColors.dim(sentence));
}

/** Queues as they are printed. */
export function queuesJson({ queues, parked, pausedActors }: Overview): object {
  return {
    queues: queues.map((queue) => ({ ...queue, nextDue: time(queue.nextDue) })),
    parked,
    pausedActors: pausedActors.map(({ name, since }) => ({ actor: name, since: time(since) })),
  };
}

/** Workers as they are printed. */
export function workersJson(workers: readonly ListedWorker[]): object {
  return { workers: workers.map((worker) => ({ ...worker, seenAt: time(worker.seenAt) })) };
}

/** Schedules as they are printed. */
export function schedulesJson(schedules: readonly ListedSchedule[]): object {
  return {
    schedules: schedules.map(({ next, last, name = null, ...schedule }) => ({
      ...schedule,
      name,
      next: next?.toISOString() ?? null,
      last: last?.toISOString() ?? null,
    })),
  };
}

/** A dead letter as it is printed. */
export function letterJson({ sentAt, diedAt, failures, ...letter }: DeadLetter): object {
  return {
    ...letter,
    failures: failures?.map((failure) => ({ ...failure, at: time(failure.at) })),
    sentAt: time(sentAt),
    diedAt: time(diedAt),
  };
}

/** Milliseconds since 1970 as a text; what is not known, or not there, stays as it is. */
function time(milliseconds: number | null | undefined): string | null | undefined {
  return milliseconds === null || milliseconds === undefined ? milliseconds : new Date(milliseconds).toISOString();
}
