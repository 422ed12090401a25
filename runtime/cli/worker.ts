/** `callboard worker`: runs the worker that a file exports, until a signal ends it. */
import { defineCommand } from "citty";
import type { InvalidOptionError } from "../errors.js";
import type { StartOptions, Worker } from "../worker/worker.js";
import { exitCode, Failure, UsageError } from "./exit.js";
import { importModule } from "./module.js";
import { untilStopped } from "./shutdown.js";

/** The subcommand. */
export const worker = defineCommand({
  meta: { name: "worker", description: "Runs the worker that a TypeScript or JavaScript file exports" },
  args: {
    file: { type: "positional", required: true, description: "The file, such as ./worker.ts" },
    concurrency: { type: "string", valueHint: "n", description: "How many messages it handles at once" },
    queues: { type: "string", valueHint: "a,b", description: "Take only these queues" },
  },
  async run({ args: { file, concurrency, queues } }) {
    const overrides = readOverrides(concurrency, queues);
    const found = findWorker(await importModule(file), file);
    const stopped = untilStopped(found);
    await start(found, overrides, file);
    console.error(describe(found));
    await stopped;
    // Connections that the file opened for itself would keep the process alive.
    process.exit(exitCode.ok);
  },
});

function readOverrides(concurrency: string | undefined, queues: string | undefined): StartOptions {
  if (concurrency !== undefined && !/^[1-9]\d*$/.test(concurrency)) {
    throw new UsageError(`--concurrency must be a whole number, 1 or more; it is "${concurrency}".`);
  }
  return {
    ...(concurrency !== undefined && { concurrency: Number(concurrency) }),
    ...(queues !== undefined && { queues: queues.split(",").map((queue) => queue.trim()) }),
  };
}

/** Workers carry this mark, also those of another copy of this package. */
const workerMark = Symbol.for("callboard.worker");

function isWorker(value: unknown): value is Worker {
  return typeof value === "object" && value !== null && workerMark in value;
}

/** The worker that a module exports: its default export, or the only one among the others. */
function findWorker(module: Readonly<Record<string, unknown>>, file: string): Worker {
  if (isWorker(module["default"])) return module["default"];
  const names = Object.keys(module).filter((name) => isWorker(module[name]));
  const [found, another] = new Set(names.map((name) => module[name]));
  if (!isWorker(found)) throw new Failure(`${file} exports no worker: write \`export default createWorker(...)\`.`);
  if (another !== undefined) {
    throw new Failure(`${file} exports several workers (${names.join(", ")}): make the one to run its default export.`);
  }
  return found;
}

/** Starts the worker, unless its file has done so. */
async function start(found: Worker, overrides: StartOptions, file: string): Promise<void> {
  if (found.state === "idle") {
    await found.start(overrides).catch((error: unknown) => {
      throw error instanceof Error && isInvalidOption(error) ? new UsageError(error.message) : error;
    });
    return;
  }
  const names = Object.keys(overrides).map((name) => `--${name}`);
  if (names.length === 0) return;
  await found.stop();
  throw new UsageError(
    `${file} starts its worker itself, too early for ${names.join(" and ")}: leave out its start().`,
  );
}

/** By its code and not its class: the worker may come from another copy of this package. */
function isInvalidOption(error: Error): boolean {
  const code: InvalidOptionError["code"] = "INVALID_OPTION";
  return "code" in error && error.code === code;
}

function describe({ broker, queues, concurrency }: Worker): string {
  const names = queues.length === 1 ? `queue ${queues[0]}` : `queues ${queues.join(", ")}`;
  return `callboard worker: ${broker}, ${names}, concurrency ${concurrency}, pid ${process.pid}`;
}
