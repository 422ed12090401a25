/** The command line of the bench: measures the rows, shows them and the bars, and keeps what a full run found. */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openRun } from "../test/setup/program.js";
import { judge } from "./bars.js";
import { machine } from "./machine.js";
import { chart } from "./report/chart.js";
import { fillIn } from "./report/markdown.js";
import { report } from "./report/table.js";
import { sumUp, type Measured, type Results } from "./results.js";
import { rows } from "./rows/index.js";
import type { Effort, Row } from "./row.js";
import { Servers } from "./servers.js";
import { takeTurns } from "./turns.js";

const usage = `npm run bench -- [options]

  --quick        four to six minutes: shorter runs, three rounds, the rows that bars name
  --only text    the rows whose id, group or title holds this text
  --rounds n     how often each contender has its turn (5; 3 where it is quick)
  --json         prints results as JSON
  --check        exits with 1 where a bar is missed, and names it
  --write        measures nothing: writes the tables of bench/README.md from bench/results.json

A full run writes bench/results.json and docs/bench.svg.`;

const files = { results: "bench/results.json", chart: "docs/bench.svg", page: "bench/README.md" };

function options() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      rounds: { type: "string" },
      json: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new TypeError(`--rounds must be a number, 1 or more.`);
  return { ...values, rounds };
}

type Options = ReturnType<typeof options>;

const quickly: Effort = { quick: true, seconds: 0.3, samples: 500 };
const thoroughly: Effort = { quick: false, seconds: 1.5, samples: 2000 };

async function measure({ quick, only, rounds }: Options): Promise<Results> {
  const wanted = rows.filter(({ id, group, title, thorough }) =>
    only === "" ? !(quick && thorough === true) : `${id} ${group} ${title}`.toLowerCase().includes(only.toLowerCase()),
  );
  if (wanted.length === 0) throw new TypeError(`No row has "${only}" in its name.`);
  const started = performance.now();
  const run = openRun();
  const servers = new Servers();
  const measured: Measured[] = [];
  try {
    for (const [i, row] of wanted.entries()) {
      process.stderr.write(`${String(i + 1).padStart(3)} of ${wanted.length}  ${row.group}, ${row.title}\n`);
      measured.push(await measureRow(row, servers, rounds, quick ? quickly : thoroughly));
    }
    return {
      date: new Date().toISOString().slice(0, 10),
      machine: machine(await servers.versions()),
      settings: settings(rounds, quick ? quickly : thoroughly),
      seconds: (performance.now() - started) / 1000,
      rows: measured,
    };
  } finally {
    await servers.stop();
    await run.close();
  }
}

async function measureRow(row: Row, servers: Servers, rounds: number, effort: Effort): Promise<Measured> {
  const server = row.server === undefined ? undefined : await servers.get(row.server);
  const often = row.exact === true ? 1 : Math.min(rounds, row.rounds ?? rounds);
  return sumUp(
    row,
    await takeTurns(row, { url: server?.url ?? "", rounds: often, effort, clear: async () => server?.clear() }),
  );
}

const settings = (rounds: number, { seconds }: Effort): readonly string[] => [
  `median of ${rounds} rounds in turn, runs of ${seconds} s at most, each contender in a process of its own`,
  "Redis without persistence where nothing else is said; RabbitMQ with durable queues, persistent messages and confirms",
];

function writePage(results: Results): void {
  const page = readFileSync(files.page, "utf8");
  writeFileSync(files.page, fillIn(page, results, judge(results.rows)));
  writeFileSync(files.chart, chart(results.rows));
}

function keep(results: Results): void {
  writeFileSync(files.results, `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(files.chart, chart(results.rows));
}

/** Says what went wrong in this run, and whether that is a failure. */
function complain({ rows: measured }: Results, { check }: Options): boolean {
  const failed = measured.flatMap(({ title, standings }) =>
    standings.flatMap(({ contender, error }) => (error === undefined ? [] : [`failed: ${title}, ${contender}`])),
  );
  const missed = judge(measured)
    .filter(({ verdict }) => check && verdict === "missed")
    .map(({ sentence, asked, measured: value }) => `missed: ${sentence}: ${asked}, measured ${value}`);
  for (const line of [...failed, ...missed]) console.error(line);
  return failed.length + missed.length > 0;
}

async function main(): Promise<void> {
  const given = options();
  if (given.help) return console.log(usage);
  if (given.write) return writePage(JSON.parse(readFileSync(files.results, "utf8")) as Results);
  const results = await measure(given);
  console.log(given.json ? JSON.stringify(results, undefined, 2) : report(results, judge(results.rows)));
  if (!given.quick && given.only === "") keep(results);
  if (complain(results, given)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  // A mistake in the command line needs no stack.
  console.error(error instanceof TypeError ? `${error.message}\n\n${usage}` : error);
  process.exitCode = 1;
}
