/** The command line of the bench. */
import { parseArgs } from "node:util";
import { openRun } from "../test/setup/program.js";
import { machine } from "./machine.js";
import { rows } from "./rows/index.js";
import { Servers } from "./servers.js";
import { sumUp, type Measured } from "./results.js";
import { takeTurns } from "./turns.js";
import { table } from "./report/table.js";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
const effort = values.quick
  ? { quick: true, seconds: 0.3, samples: 500 }
  : { quick: false, seconds: 1.5, samples: 2000 };

const run = openRun();
const servers = new Servers();
const measured: Measured[] = [];
try {
  const wanted = rows.filter(({ id, group, title }) => `${id} ${group} ${title}`.includes(values.only));
  for (const row of wanted.filter(({ thorough }) => !(values.quick && thorough === true))) {
    const { url, clear } = await servers.get(row.server ?? "redis");
    measured.push(sumUp(row, await takeTurns(row, { url, rounds: row.rounds ?? rounds, effort, clear })));
    console.error(`${row.group}, ${row.title}`);
  }
} finally {
  await servers.stop();
  await run.close();
}
console.log(machine({}));
console.log(table(measured));
