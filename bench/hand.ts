/** A worker process: `hand.js <system> <url> <prefix>`. It connects, waits for a word, works, and tells how far it is. */
import { systems } from "./peers/index.js";
import type { Progress } from "./rows/processes.js";
import { systemNames } from "./system.js";

const REPORT_EVERY = 100;

const [name, url = "", prefix = ""] = process.argv.slice(2);
const known = systemNames.find((each) => each === name);
if (known === undefined) throw new Error(`There is no system ${name}.`);

const session = await (await systems[known]()).open({ url, prefix }, {});
const atRest = process.cpuUsage();
let handled = 0;

function report(): void {
  const { user, system } = process.cpuUsage(atRest);
  const progress: Progress = { handled, cpu: user + system, rss: process.memoryUsage.rss() };
  process.send?.(progress);
}

function handle(): void {
  if (++handled % REPORT_EVERY === 0) report();
}

process.once("message", () => void session.work({ concurrency: 100, handle }));
process.on("disconnect", () => process.exit());
report();
