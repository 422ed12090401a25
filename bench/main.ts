/** `npm run bench`: starts private servers, measures every row, prints a table. `--rounds n` (default 5), `--only text`, `--json`. */
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { startRabbitmq } from "../test/setup/rabbitmq.js";
import { startRedis } from "../test/setup/redis.js";
import { measure, type Measured } from "./measure.js";
import { rabbitmqRows } from "./rabbitmq.js";
import { redisRows } from "./redis.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);

const redis = await startRedis();
const rabbitmq = await startRabbitmq();
const measured: Measured[] = [];
try {
  const rows = [...redisRows(redis.url), ...rabbitmqRows(rabbitmq.url)];
  for (const row of rows.filter(({ name }) => name.includes(values.only))) {
    process.stderr.write(`${row.name} …\n`);
    measured.push(await measure(row, rounds));
  }
} finally {
  await Promise.all([redis.stop(), rabbitmq.stop()]);
}

const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
if (values.json) {
  console.log(JSON.stringify({ machine, rounds, measured }, undefined, 2));
} else {
  console.log(`${machine}; Redis without persistence; median of ${rounds} runs, taken in turn`);
  for (const { row, unit, figures } of measured) {
    console.log(`\n${row}`);
    for (const { contender, median, min, max, ratio } of figures) {
      const show = (value: number) =>
        unit === "ms" ? `${value.toFixed(3)} ms` : `${Math.round(value).toLocaleString("en-US")}/s`;
      const compared = contender === "callboard" ? "" : `  callboard is ${ratio.toFixed(2)} ×`;
      console.log(`  ${contender.padEnd(40)} ${show(median).padStart(12)}  (${show(min)} to ${show(max)})${compared}`);
    }
  }
}
