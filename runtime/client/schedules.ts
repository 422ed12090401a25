/** The schedules of one actor, as a client makes, ends and lists them at run time. */
import type { Actor } from "../actor.js";
import type { Broker } from "../seams/broker.js";
import { claimsOf } from "../seams/claims.js";
import type { CatchUp, MadeScheduleOf, ScheduleOptions } from "../vocabulary/contract.js";
import { InvalidInputError, InvalidOptionError } from "../vocabulary/errors.js";
import { resolveSchedule, scheduleFault, trackOf, type Schedule } from "../vocabulary/schedule-options.js";
import type { ScheduleStore } from "../seams/schedules.js";
import type { Seal } from "../wire/seal.js";

/** A schedule as it stands. */
export interface ScheduleInfo {
  /** The actor's name, and the schedule's own where it has one: `reports.daily#berlin`. */
  readonly id: string;
  readonly name: string | undefined;
  /** Whether its contract declares it, or it was made at run time. */
  readonly source: "contract" | "runtime";
  readonly cron: string;
  readonly timeZone: string;
  readonly catchUp: CatchUp;
  readonly overlap: boolean;
  /** When it is due next; absent where it never will be again. */
  readonly next: Date | undefined;
  /** Up to when its ticks were dealt with, some seconds ago; absent where no worker has led it yet. */
  readonly last: Date | undefined;
}

/** What a client does with the schedules of an actor. */
export interface ScheduleClient<Input> {
  /**
   * Has messages sent by themselves from now on, until `unschedule`; one of that name is replaced. Workers know of it at
   * once.
   * @throws InvalidOptionError the expression is none or is never due, or the time zone is unknown
   * @throws InvalidInputError the input does not fit the contract
   */
  schedule(name: string, schedule: MadeScheduleOf<Input>): Promise<void>;
  /** Ends a schedule that was made at run time; false if there was none of that name. */
  unschedule(name: string): Promise<boolean>;
  /** The schedules of the contract, and those that were made at run time. */
  schedules(): Promise<readonly ScheduleInfo[]>;
}

/** The schedules of one actor. What reads cron expressions is loaded when it is needed. */
export function createScheduleClient(broker: Broker, actor: Actor, seal: Seal | undefined): ScheduleClient<unknown> {
  const { queue } = actor.options;
  const store = (): ScheduleStore => {
    claimsOf(broker, `${actor.name}: a schedule`);
    const { state } = broker;
    if (state === undefined)
      throw new InvalidOptionError(`${actor.name}: a schedule needs a store, and ${broker.name} has none.`);
    return state.schedules;
  };
  return {
    async schedule(name, given) {
      const { readCron, writeSchedule } = await library();
      const options: ScheduleOptions = { ...(typeof given === "string" ? { cron: given } : given), name };
      const owner = `${actor.name}.schedule`;
      const fault = scheduleFault(options);
      if (fault !== undefined) throw new InvalidOptionError(`${owner}: ${fault}`);
      if (typeof options.input === "function") {
        throw new InvalidOptionError(`${owner}: an input that is made by a function can stand in a contract only.`);
      }
      const schedule = resolveSchedule(actor.name, options, undefined);
      if (actor.schedules.some(({ id }) => id === schedule.id)) {
        throw new InvalidOptionError(`${owner}: the contract has a schedule of the name "${name}" already.`);
      }
      readCron(schedule);
      const checked = await actor.input.check(schedule.input ?? {});
      if (!checked.ok) throw new InvalidInputError(actor.name, checked.issues);
      const definition = writeSchedule(actor, schedule, seal);
      await store().put(queue, { id: schedule.id, track: trackOf(schedule), definition });
    },
    unschedule: (name) => store().remove(queue, `${actor.name}#${name}`),
    async schedules() {
      const { actorOf, readCron, readTimes } = await library();
      const { made, ticks } = await store().read(queue);
      const now = await broker.now();
      const tell =
        (source: ScheduleInfo["source"]) =>
        (schedule: Schedule): ScheduleInfo => {
          const { id, name, cron, timeZone, catchUp, overlap } = schedule;
          const next = readCron(schedule).after(now);
          const last = ticks.get(trackOf(schedule));
          const times = { next: toDate(next), last: toDate(last) };
          return { id, name, source, cron, timeZone, catchUp, overlap, ...times };
        };
      const own = [...made.values()].filter((text) => actorOf(text) === actor.name);
      const atRunTime = own.map((text) => readTimes(actor, text)).map(tell("runtime"));
      return [...actor.schedules.map(tell("contract")), ...atRunTime].sort((a, b) => (a.id < b.id ? -1 : 1));
    },
  };
}

async function library() {
  const [cron, made] = await Promise.all([import("../vocabulary/cron.js"), import("../wire/made-schedule.js")]);
  return { ...cron, ...made };
}

function toDate(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
