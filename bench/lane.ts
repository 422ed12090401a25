/** The process of one contender of one row: `lane.js <row> <contender> <effort>`. It is told when to open, run and close. */
import { randomUUID } from "node:crypto";
import { systems } from "./peers/index.js";
import { rows } from "./rows/index.js";
import type { Effort, Lane, Ready, Sample } from "./row.js";

/** What the bench tells a lane. */
export type Order = { readonly open: string } | "run" | "close";
/** What a lane says to each. */
export type Answer = { readonly sample: Sample } | { readonly error: string };

const [rowId, contenderName, effort = "{}"] = process.argv.slice(2);
const contender = rows.find(({ id }) => id === rowId)?.contenders.find(({ name }) => name === contenderName);
if (contender === undefined) throw new Error(`There is no contender ${contenderName} in a row ${rowId}.`);

let ready: Ready | undefined;

async function obey(order: Order): Promise<Sample> {
  if (order === "run") return (await ready?.run()) ?? {};
  if (order === "close") await ready?.close();
  else ready = await contender?.open(laneOn(order.open));
  return {};
}

function laneOn(url: string): Lane {
  return {
    url,
    effort: JSON.parse(effort) as Effort,
    systems,
    open: async (system, setting = {}, prefix = `bench-${randomUUID()}`) =>
      (await systems[system]()).open({ url, prefix }, setting),
  };
}

const tell = (answer: Answer) => process.send?.(answer);

process.on("message", (order: Order) => {
  obey(order).then(
    (sample) => tell({ sample }),
    (error: unknown) => tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
// The bench is gone: so is whoever would listen.
process.on("disconnect", () => process.exit());
