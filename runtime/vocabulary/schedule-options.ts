/** Schedules, as a contract or a caller declares them: completed with the defaults, and what is wrong with them. */
import type { AnySchedule, CatchUp, ScheduleOptions, Tick } from "./contract.js";
import { defaults } from "./defaults.js";
import { faultOf, type MemberRule } from "./member-rules.js";

/** A schedule with nothing left open. */
export interface Schedule {
  /** What tells it from every other schedule: `reports.daily`, or `reports.daily#berlin` where it has a name. */
  readonly id: string;
  readonly name: string | undefined;
  readonly cron: string;
  /** As the IANA names it. */
  readonly timeZone: string;
  /** What each of its messages holds, or what makes that. */
  readonly input: unknown;
  readonly catchUp: CatchUp;
  readonly overlap: boolean;
}

const catchUps: Readonly<Record<CatchUp, true>> = { none: true, last: true, all: true };
const isText = (value: unknown) => typeof value === "string" && value !== "";

const rules: Readonly<Record<keyof ScheduleOptions, MemberRule>> = {
  cron: { check: isText, expected: 'a cron expression, such as "0 3 * * *"' },
  timeZone: { check: isText, expected: 'the name of a time zone, such as "Europe/Berlin"' },
  input: { check: () => true, expected: "an input, or a function that makes one" },
  catchUp: {
    check: (value) => typeof value === "string" && Object.hasOwn(catchUps, value),
    expected: '"none", "last" or "all"',
  },
  overlap: { check: (value) => typeof value === "boolean", expected: "true or false" },
  name: {
    check: (value) => typeof value === "string" && /^[\w.-]{1,64}$/.test(value),
    expected: "1 to 64 letters, digits, dots, dashes or underscores",
  },
};

/** What is wrong with the form of a `schedule`, in a sentence; `undefined` when nothing is. */
export function scheduleFault(given: unknown): string | undefined {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  for (const each of list) {
    if (typeof each === "string") continue;
    if (typeof each !== "object" || each === null)
      return "each must be a cron expression or { cron, timeZone, input }.";
    const fault = faultOf(each, rules, ["cron"]);
    if (fault !== undefined) return fault;
  }
  const names = (list as readonly AnySchedule[]).map(nameOf);
  const twice = names.find((name, index) => name !== undefined && names.indexOf(name) !== index);
  return twice === undefined ? undefined : `two of them have the name "${twice}".`;
}

/** The schedules of an actor, with every default filled in. They must have passed `scheduleFault`. */
export function resolveSchedules(actor: string, given: AnySchedule | readonly AnySchedule[] = []): readonly Schedule[] {
  if (!Array.isArray(given)) return [resolveSchedule(actor, given as AnySchedule, undefined)];
  // Those without a name are known by their place.
  return (given as readonly AnySchedule[]).map((each, index) => resolveSchedule(actor, each, String(index + 1)));
}

/** One schedule of an actor; `name` counts where it has none itself. */
export function resolveSchedule(actor: string, given: AnySchedule, fallback: string | undefined): Schedule {
  const options: ScheduleOptions = typeof given === "string" ? { cron: given } : given;
  const preset = defaults.schedules;
  const name = options.name ?? fallback;
  return {
    id: name === undefined ? actor : `${actor}#${name}`,
    name,
    cron: options.cron,
    timeZone: options.timeZone ?? preset.timeZone,
    input: options.input,
    catchUp: options.catchUp ?? preset.catchUp,
    overlap: options.overlap ?? preset.overlap,
  };
}

/** What a schedule's progress is kept under: one that is due at other times than before begins anew. */
export function trackOf({ id, cron, timeZone }: Pick<Schedule, "id" | "cron" | "timeZone">): string {
  return `${id} ${cron} ${timeZone}`;
}

/** The input of one tick. Throws what a function of a person's own throws. */
export function inputOf({ input }: Pick<Schedule, "input">, tick: Tick): unknown {
  if (typeof input === "function") return (input as (tick: Tick) => unknown)(tick);
  return input === undefined ? {} : input;
}

function nameOf(given: AnySchedule): string | undefined {
  return typeof given === "string" ? undefined : given.name;
}
