/** `callboard workers`: which workers there are. */
import { defineCommand } from "citty";
import type { SeenWorker } from "../seams/registry.js";
import { workersOf } from "../operations/workers.js";
import { operate, operatorArgs } from "./operator.js";
import { age, table, type Cell } from "./table.js";

/** The subcommand. */
export const workers = defineCommand({
  meta: { name: "workers", description: "Lists the workers that are there" },
  args: operatorArgs,
  run({ args: { json = false, ...place } }) {
    return operate(place, async (context) => {
      const found = await workersOf(context);
      if (json) return console.log(JSON.stringify(found));
      if (found.length === 0) return console.log("No worker is there.");
      const now = await context.broker.now();
      console.log(
        table(
          columns,
          found.map((worker) => row(worker, now)),
        ),
      );
    });
  },
});

const columns = [
  { head: "HOST" },
  { head: "PID", numbers: true },
  { head: "UP", numbers: true },
  { head: "SEEN", numbers: true },
  { head: "RUNNING", numbers: true },
  { head: "RATE/S", numbers: true },
  { head: "QUEUES" },
];

function row({ host, pid, uptime, seenAt, concurrency, queues }: SeenWorker, now: number): readonly Cell[] {
  const running = queues.reduce((sum, load) => sum + load.running, 0);
  const rate = queues.reduce((sum, load) => sum + load.rate, 0);
  return [
    host,
    pid,
    age(uptime + now - seenAt),
    age(now - seenAt),
    `${running}/${concurrency}`,
    Math.round(rate * 10) / 10,
    queues.map(({ queue }) => queue).join(", "),
  ];
}
