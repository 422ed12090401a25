/**
 * The main job, as `npm start` runs it: a worker and a producer in one process, and a report of what happens.
 *
 * `--broker redis://localhost:6379` uses that broker instead of the one in memory; `--json` prints JSON lines.
 */
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Logger } from "callboard";
import { createClient } from "../generated/client.js";
import { createWorker } from "../generated/worker.js";
import { openBroker } from "./broker.js";
import { files } from "./handlers/files.js";
import { mail } from "./handlers/mail.js";
import { math } from "./handlers/math.js";
import { payments } from "./handlers/payments.js";
import { web } from "./handlers/web.js";
import { work } from "./jobs.js";
import { createReport, type Report } from "./report.js";
import { startSite } from "./site.js";

try {
  const { values } = parseArgs({
    options: { broker: { type: "string", default: "memory:" }, json: { type: "boolean", default: false } },
  });
  await run(values.broker, createReport({ json: values.json }));
} catch (error) {
  console.error(`The main job failed. ${explain(error)}`);
  // Whatever is still open must not keep a failed run alive.
  process.exit(1);
}

async function run(url: string, report: Report): Promise<void> {
  const broker = await openBroker(url);
  const site = await startSite();
  const worker = createWorker(
    broker,
    { files, mail, math, payments, web },
    { concurrency: 20, logger: reportingLogger(report), isolate: pathToFileURL("examples/handlers/math.ts") },
  );
  await worker.start();
  const { queues, concurrency } = worker;
  report.tell("started", { broker: broker.name, queues, concurrency });

  await work({ client: createClient(broker), broker, site: site.url, report });

  await worker.stop();
  await broker.close();
  await site.close();
  report.sum();
}

/** A failed attempt is known to the worker alone: the report hears of it from the worker's log. */
function reportingLogger(report: Report): Logger {
  return {
    debug() {},
    info() {},
    warn(fields, message) {
      if (isRetry(fields)) report.tell("retried", fields);
      else report.tell("trouble", { error: message });
    },
    error(fields, message) {
      // A dead message is looked up where it lies.
      if (!("reason" in fields)) report.tell("trouble", { error: message });
    },
  };
}

interface Retry {
  readonly actor: string;
  readonly id: string;
  readonly attempt: number;
  readonly retryIn: number;
  readonly error: string;
}

function isRetry(fields: object): fields is Retry {
  return "retryIn" in fields;
}

/** An error and what caused it, in one line. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${explain(error.cause)})` : error.message;
}
