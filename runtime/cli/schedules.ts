/** `callboard schedules`: what is due by itself, and when. */
import { defineCommand } from "citty";
import { schedulesOf, type ListedSchedule } from "../operations/schedules.js";
import { oneLine } from "../support/printable.js";
import { requireActors } from "./actors.js";
import { printJson, schedulesJson } from "./json.js";
import { operate, operatorArgs } from "./operator.js";
import { age, table, type Cell, type Column } from "./table.js";

/** The subcommand. */
export const schedules = defineCommand({
  meta: { name: "schedules", description: "Lists what is due by itself, and when" },
  args: {
    actor: { type: "positional", required: false, description: "Those of this actor, such as reports.daily" },
    ...operatorArgs,
  },
  run({ args: { actor, json = false, ...place } }) {
    return operate(
      place,
      async (context) => {
        const found = await schedulesOf(context, actor);
        if (json) return printJson(schedulesJson(found));
        if (found.length === 0)
          return console.log(actor === undefined ? "No actor has a schedule." : `${actor} has none.`);
        const now = await context.broker.now();
        console.log(
          table(
            columns,
            found.map((schedule) => row(schedule, now)),
          ),
        );
      },
      requireActors,
    );
  },
});

const columns: readonly Column[] = [
  { head: "SCHEDULE" },
  { head: "CRON" },
  { head: "TIME ZONE" },
  { head: "DUE IN", numbers: true },
  { head: "SEEN TO", numbers: true },
  { head: "CATCH UP" },
  { head: "FROM" },
];

function row({ id, cron, timeZone, next, last, catchUp, source }: ListedSchedule, now: number): readonly Cell[] {
  return [
    oneLine(id),
    oneLine(cron),
    oneLine(timeZone),
    next === undefined ? null : age(next.getTime() - now),
    last === undefined ? null : age(now - last.getTime()),
    catchUp,
    source,
  ];
}
