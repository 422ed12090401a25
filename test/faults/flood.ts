/** A worker process for a flood of messages: counts each of them, and tells on the way how much memory it uses. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createWorker } from "callboard/worker";
import { tick } from "./actors.js";
import { openBroker, readPlan, type FloodPlan } from "./plan.js";

const plan = readPlan<FloodPlan>();
const broker = openBroker(plan.broker);

// What is not garbage is what would grow for ever.
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const seen = new Uint8Array(plan.messages);
const step = plan.messages / plan.reports;
let handled = 0;
let twice = 0;

function count({ n }: { n: number }): void {
  if (seen[n] === 1) return void twice++;
  seen[n] = 1;
  if (++handled % step > 0) return;
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  console.log(`memory ${handled} ${heapUsed} ${rss}`);
  if (handled === plan.messages) console.log(`handled all`);
}

const quiet = { debug() {}, info() {}, warn: () => undefined, error: (_: object, text: string) => console.log(text) };
const worker = createWorker(broker, { faults: { tick } }, { faults: { tick: count } }, { logger: quiet });
process.on("SIGTERM", () => {
  void worker
    .stop()
    .then(() => broker.close())
    .then(() => {
      console.log(`twice ${twice}`);
      process.exit(0);
    });
});
await worker.start();
console.log("ready");
