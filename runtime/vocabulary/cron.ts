/** When schedules are due: cron expressions in time zones, with daylight saving. */
import { Cron } from "croner";
import * as z from "zod/v4/core";
import type { ActorOptions } from "./contract.js";
import { InvalidOptionError } from "./errors.js";
import { inputOf, resolveSchedules, type Schedule } from "./schedule-options.js";

/** The times at which a schedule is due, in milliseconds since 1970. */
export interface Calendar {
  /** The first one after a time; `undefined` where none follows. */
  after(time: number): number | undefined;
  /** The last one that is not after a time; `undefined` where there was none. */
  notAfter(time: number): number | undefined;
}

/** Reads a cron expression. Throws `InvalidOptionError` for one that is none or never due, and for an unknown time zone. */
export function readCron({ cron, timeZone }: Pick<Schedule, "cron" | "timeZone">): Calendar {
  const shown = JSON.stringify(cron);
  if (!isTimeZone(timeZone)) {
    throw new InvalidOptionError(`There is no time zone ${JSON.stringify(timeZone)}. Write it as in "Europe/Berlin".`);
  }
  const job = parse(cron, timeZone, shown);
  // croner takes dates as well: what happens once is sent with a delay.
  if (job.getPattern() === undefined) throw new InvalidOptionError(`${shown} is a date, not a cron expression.`);
  if (job.nextRun() === null) throw new InvalidOptionError(`The cron expression ${shown} is never due.`);
  // Whoever follows a schedule asks the same again and again until its tick is there, and each answer takes its time.
  let known: { readonly time: number; readonly next: number | undefined } | undefined;
  return {
    after(time) {
      if (known?.time !== time) known = { time, next: job.nextRun(new Date(time))?.getTime() };
      return known.next;
    },
    notAfter: (time) => job.previousRuns(1, new Date(time + 1))[0]?.getTime(),
  };
}

function parse(cron: string, timezone: string, shown: string): Cron {
  try {
    return new Cron(cron, { timezone, paused: true });
  } catch (error) {
    const reason = (error as Error).message.replace(/^CronPattern: /, "");
    throw new InvalidOptionError(`${shown} is no cron expression: ${reason.replace(/\.$/, "")}.`);
  }
}

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with the times and inputs of a contract's schedules. Their form must have passed `scheduleFault`. */
export function checkSchedules({ input: schema, schedule }: ActorOptions): readonly string[] {
  return resolveSchedules("actor", schedule).flatMap((each) => {
    try {
      return checkInput(schema, each, readCron(each).after(Date.now()) ?? 0);
    } catch (error) {
      return [(error as Error).message];
    }
  });
}

function checkInput(schema: z.$ZodType, schedule: Schedule, time: number): readonly string[] {
  let input: unknown;
  try {
    input = inputOf(schedule, { at: new Date(time), schedule: schedule.id });
  } catch (error) {
    return [`The function "input" threw: ${String(error)}`];
  }
  // What takes its time is checked when it is sent.
  if (input instanceof Promise) return [];
  try {
    const { error } = z.safeParse(schema, input);
    const issues = error?.issues.map(({ path, message }) => [...path.map(String), message].join(": ")) ?? [];
    if (issues.length === 0) return [];
    const said = schedule.input === undefined ? 'It has no "input", and {} does' : "Its input does";
    return [`${said} not fit the contract: ${issues.join("; ")}.`];
  } catch (error) {
    if (error instanceof z.$ZodAsyncError) return [];
    throw error;
  }
}
