/** `callboard queues`: how the queues stand. */
import { defineCommand } from "citty";
import { findQueues, type OperatorContext } from "../operations/context.js";
import { overviewOf, type Overview, type QueueOverview } from "../operations/queues.js";
import { oneLine } from "../support/printable.js";
import { outColors } from "./colors.js";
import { note, printJson, queuesJson } from "./json.js";
import { operate, operatorArgs } from "./operator.js";
import { age, count, table, type Cell, type Column } from "./table.js";

/** The subcommand. */
export const queues = defineCommand({
  meta: { name: "queues", description: "Shows how the queues stand" },
  args: {
    queue: { type: "positional", required: false, description: "Only this queue; its partitions, where it has some" },
    ...operatorArgs,
  },
  run({ args: { queue, json = false, ...place } }) {
    return operate(place, async (context) => {
      const overview = await overviewOf(context, await named(context, queue));
      if (json) printJson(queuesJson(overview));
      else print(overview, await context.broker.now());
      for (const each of overview.notes) note(each);
    });
  },
});

function named(context: OperatorContext, queue: string | undefined) {
  return queue === undefined ? undefined : findQueues(context, queue);
}

const columns: readonly Column[] = [
  { head: "QUEUE" },
  { head: "WAITING", numbers: true },
  { head: "DELAYED", numbers: true },
  { head: "RUNNING", numbers: true },
  { head: "DEAD", numbers: true },
  { head: "SUSPECTS", numbers: true, spare: true },
  { head: "OLDEST", numbers: true, spare: true },
  { head: "NEXT DUE", numbers: true, spare: true },
  { head: "RATE/S", numbers: true, spare: true },
  { head: "WORKERS", numbers: true },
  { head: "", spare: true },
];

function print({ queues: rows, parked, pausedActors }: Overview, now: number): void {
  const cells = rows.map((each) => row(each, now));
  const nothing = "No queue is known: nothing was sent, and there are no contracts here.";
  console.log(cells.length === 0 ? nothing : table(columns, cells));
  for (const { actor, messages } of parked) {
    console.log(
      `${count(messages, "message")} of ${actor} ${messages === 1 ? "waits" : "wait"} for a place under its limits.`,
    );
  }
  for (const { name, since } of pausedActors)
    console.log(outColors.yellow(`The actor ${oneLine(name)} has been paused for ${age(now - since)}.`));
}

function row(overview: QueueOverview, now: number): readonly Cell[] {
  const { queue, waiting, delayed, running, dead, suspects, oldestAge, nextDue, rate, workers, paused } = overview;
  return [
    oneLine(queue),
    waiting,
    delayed,
    running,
    dead !== undefined && dead > 0 ? outColors.red(String(dead)) : dead,
    suspects,
    age(oldestAge),
    age(nextDue === null || nextDue === undefined ? nextDue : nextDue - now),
    rate === undefined ? undefined : Math.round(rate * 10) / 10,
    workers,
    paused === true ? outColors.yellow("paused") : "",
  ];
}
