/** The process of one contender of one row: `lane.js <row> <contender> <effort>`. It is told when to open, run and close. */
import { randomUUID } from "node:crypto";
import { systems, trials } from "./peers/index.js";
import { rows } from "./rows/index.js";
import type { Effort, Lane, Ready, Sample } from "./row.js";
import type { Answer, Instruction } from "./turns.js";

const [rowId, contenderName, effort = "{}"] = process.argv.slice(2);
const contender = rows.find(({ id }) => id === rowId)?.contenders.find(({ name }) => name === contenderName);
if (contender === undefined) throw new Error(`There is no contender ${contenderName} in a row ${rowId}.`);

let ready: Ready | undefined;

async function obey(instruction: Instruction): Promise<Sample> {
  if (instruction === "run") return (await ready?.run()) ?? {};
  if (instruction === "close") await ready?.close();
  else ready = await contender?.open(laneOn(instruction.open));
  return {};
}

function laneOn(url: string): Lane {
  const anywhere = () => `bench-${randomUUID()}`;
  return {
    url,
    effort: JSON.parse(effort) as Effort,
    systems,
    open: async (system, setting = {}, prefix = anywhere()) => (await systems[system]()).open({ url, prefix }, setting),
    trial: async (name) => (await trials[name]())({ url, prefix: anywhere() }),
  };
}

const tell = (answer: Answer) => process.send?.(answer);

process.on("message", (instruction: Instruction) => {
  obey(instruction).then(
    (sample) => tell({ sample }),
    (error: unknown) => tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
// The bench is gone: so is whoever would listen.
process.on("disconnect", () => process.exit());
