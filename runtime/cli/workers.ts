/** `callboard workers`: which workers there are. */
import { defineCommand } from "citty";
import { workersOf, type ListedWorker } from "../operations/workers.js";
import { oneLine } from "../support/printable.js";
import { outColors } from "./colors.js";
import { printJson, workersJson } from "./json.js";
import { operate, operatorArgs } from "./operator.js";
import { age, table, type Cell, type Column } from "./table.js";

/** The subcommand. */
export const workers = defineCommand({
  meta: { name: "workers", description: "Lists the workers that are there" },
  args: operatorArgs,
  run({ args: { json = false, ...place } }) {
    return operate(place, async (context) => {
      const found = await workersOf(context);
      if (json) return printJson(workersJson(found));
      if (found.length === 0) return console.log("No worker is there.");
      console.log(table(columns, found.map(row)));
    });
  },
});

const columns: readonly Column[] = [
  { head: "HOST" },
  { head: "PID", numbers: true },
  { head: "UP", numbers: true },
  { head: "SEEN", numbers: true },
  { head: "RUNNING", numbers: true },
  { head: "RATE/S", numbers: true },
  { head: "QUEUES" },
  { head: "", spare: true },
];

function row({ host, pid, uptime, concurrency, queues, silence, silent }: ListedWorker): readonly Cell[] {
  const running = queues.reduce((sum, load) => sum + load.running, 0);
  const rate = queues.reduce((sum, load) => sum + load.rate, 0);
  return [
    oneLine(host),
    pid,
    age(silent ? uptime : uptime + silence),
    age(silence),
    `${running}/${concurrency}`,
    Math.round(rate * 10) / 10,
    oneLine(queues.map(({ queue }) => queue).join(", ")),
    silent ? outColors.yellow(`silent for ${age(silence)}`) : "",
  ];
}
