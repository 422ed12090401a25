/** The schedules of a project's actors: those of the contracts, and those that were made at run time. */
import type { Actor } from "../actor.js";
import { createScheduleClient, type ScheduleInfo } from "../client/schedules.js";
import { stateOf, type OperatorContext } from "./context.js";
import { findActor } from "./sending.js";

/** A schedule, and whose it is. */
export interface ListedSchedule extends ScheduleInfo {
  readonly actor: string;
}

/** All schedules, or those of one actor, the next to be due first. Refuses an actor that no contract has. */
export async function schedulesOf(context: OperatorContext, name?: string): Promise<readonly ListedSchedule[]> {
  const { broker } = context;
  stateOf(broker, "only there is it known how far schedules have come");
  const actors = name === undefined ? context.actors : [findActor(context, name)];
  const listOf = async (actor: Actor) => {
    const schedules = await createScheduleClient(broker, actor, undefined).schedules();
    return schedules.map((schedule) => ({ ...schedule, actor: actor.name }));
  };
  return (await Promise.all(actors.map(listOf))).flat().toSorted((a, b) => dueAt(a) - dueAt(b));
}

function dueAt({ next }: ScheduleInfo): number {
  return next?.getTime() ?? Infinity;
}
