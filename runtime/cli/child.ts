/** The process of one worker: loads it, starts it, tells how it is, and stops it when the command says so or is gone. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Broker } from "../seams/broker.js";
import type { InvalidOptionError, MissingHandlerError } from "../vocabulary/errors.js";
import type { Worker } from "../worker/worker.js";
import { exitCode, explain, Failure, UsageError } from "./exit.js";
import { loadMetrics } from "./metrics.js";
import { importModule, type Module } from "./module.js";
import { LOADING_TIME, type Assignment, type News, type Order } from "./protocol.js";
import { leave } from "./terminal.js";

/** How often it is looked whether the worker has begun to fetch, in milliseconds. */
const FETCHING_INTERVAL = 20;
/** How often it is looked whether the worker was stopped by its own file, in milliseconds. */
const STOPPED_INTERVAL = 1000;

let started: Promise<Worker> | undefined;
let metrics: Awaited<ReturnType<typeof loadMetrics>>;
let isStopping = false;

process.on("message", (order: Order) => {
  if (order.kind === "run") run(order.assignment);
  else if (order.kind === "stop") stop();
  else if (order.kind === "report") void report(order.id);
  else void measure(order.id);
});
// The command is gone, even by SIGKILL: nobody would start this process again, or end it.
process.on("disconnect", stop);
// Also where a supervisor signals all processes at once. A second signal is for the command to act upon.
process.on("SIGTERM", stop);
// A terminal sends these to all of its processes. What follows is for the command to decide.
process.on("SIGINT", () => undefined);
process.on("SIGHUP", () => undefined);
// What is printed while the command is gone has no reader, and must not be what ends a running handler.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

function run(assignment: Assignment): void {
  started = start(assignment);
  started.then(follow, fail);
}

async function start({ module, file, overrides, isMeasured }: Assignment): Promise<Worker> {
  if (isMeasured) metrics = await loadMetrics();
  const worker = findWorker(await importModule(module), file);
  if (worker.state === "idle") {
    const middleware = (broker: Broker) => (metrics === undefined ? [] : [metrics.createMetrics({ broker }).worker]);
    await worker.start({ ...overrides, middleware }).catch((error: unknown) => {
      throw error instanceof Error && isInvalidOption(error) ? new UsageError(error.message) : error;
    });
    return worker;
  }
  const names = Object.keys(overrides).map(
    (name) => `--${name.replace(/[A-Z]/g, (upper) => `-${upper.toLowerCase()}`)}`,
  );
  if (names.length === 0) return worker;
  await worker.stop();
  throw new UsageError(
    `${file} starts its worker itself, too early for ${names.join(" and ")}: leave out its start().`,
  );
}

/** Tells the command what becomes of the worker. */
async function follow(worker: Worker): Promise<void> {
  const { broker, queues, concurrency, shutdownTimeout } = worker;
  await tell({ kind: "ready", worker: { broker, queues, concurrency, shutdownTimeout } });
  while (!worker.healthy && worker.state === "running") await sleep(FETCHING_INTERVAL);
  if (worker.healthy) await tell({ kind: "fetching" });
  while (worker.state !== "stopped") await sleep(STOPPED_INTERVAL);
  if (isStopping) return;
  await tell({ kind: "finished" });
  leave(exitCode.ok);
}

async function fail(error: unknown): Promise<void> {
  const unhandled = isMissingHandler(error) ? error.actors : undefined;
  await tell({ kind: "failed", text: withoutLoader(explain(error)), isUsage: error instanceof UsageError, unhandled });
  leave(exitCode.failure);
}

/** A stack without those who had the file loaded, Node and this package. */
function withoutLoader(text: string): string {
  return text.replaceAll(/\n +at [^\n]*\bnode:internal\/modules\/esm\/[^\n]*(?:\n +at [^\n]*)*/g, "");
}

/** Stops the worker, also one that is still being started, and ends the process. */
function stop(): void {
  if (isStopping) return;
  isStopping = true;
  // Connections that the file opened for itself would keep the process alive.
  const end = () => leave(exitCode.ok);
  const start = started ?? Promise.resolve(undefined);
  const patience = setTimeout(end, LOADING_TIME);
  start
    .then((worker) => {
      clearTimeout(patience);
      return worker?.stop();
    })
    .then(end, end);
}

async function report(id: number): Promise<void> {
  const worker = await started?.catch(() => undefined);
  if (worker === undefined) return;
  await tell({ kind: "report", id, report: { healthy: worker.healthy, running: worker.running } });
}

async function measure(id: number): Promise<void> {
  const measured = await metrics?.readMetrics();
  if (measured !== undefined) await tell({ kind: "metrics", id, metrics: measured });
}

/** Resolves when the command has it, or cannot have it any more. */
function tell(news: News): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(news, () => resolve());
  });
}

/** Workers carry this mark, also those of another copy of this package. */
const workerMark = Symbol.for("callboard.worker");

function isWorker(value: unknown): value is Worker {
  return typeof value === "object" && value !== null && workerMark in value;
}

/** The worker that a module exports: its default export, or the only one among the others. */
function findWorker(module: Module, file: string): Worker {
  if (isWorker(module["default"])) return module["default"];
  const names = Object.keys(module).filter((name) => isWorker(module[name]));
  const [found, another] = new Set(names.map((name) => module[name]));
  if (!isWorker(found)) throw new Failure(`${file} exports no worker: write \`export default createWorker(...)\`.`);
  if (another !== undefined) {
    throw new Failure(`${file} exports several workers (${names.join(", ")}): make the one to run its default export.`);
  }
  return found;
}

/** By its code and not its class: the worker may come from another copy of this package. */
function isInvalidOption(error: Error): boolean {
  const code: InvalidOptionError["code"] = "INVALID_OPTION";
  return "code" in error && error.code === code;
}

/** By its code as well. */
function isMissingHandler(error: unknown): error is MissingHandlerError {
  const code: MissingHandlerError["code"] = "MISSING_HANDLER";
  return error instanceof Error && "code" in error && error.code === code;
}
