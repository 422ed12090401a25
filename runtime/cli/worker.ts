/** `callboard worker`: runs the worker that a file exports, in processes of its own, until a signal ends it. */
import { defineCommand } from "citty";
import { settlesWithin, systemClock } from "../support/clock.js";
import { exitCode, explain, UsageError } from "./exit.js";
import { listen } from "./http.js";
import { openOutput, type Output } from "./output.js";
import { claimPidFile } from "./pid-file.js";
import { Compiler, type Program } from "./program.js";
import type { WorkerFacts } from "./protocol.js";
import { Reloader } from "./reloader.js";
import { onSignals } from "./signals.js";
import { statusRoutes } from "./status.js";
import { Supervisor, type Launch } from "./supervisor.js";
import { leave } from "./terminal.js";
import { Watcher } from "./watcher.js";
import { startWorkerProcess } from "./worker-process.js";
import { readWorkerSettings, workerArguments, type WorkerSettings } from "./worker-settings.js";

/** How long esbuild may take to end, in milliseconds. */
const CLOSING_TIME = 1000;

/** The subcommand. */
export const worker = defineCommand({
  meta: { name: "worker", description: "Runs the worker that a TypeScript or JavaScript file exports" },
  args: workerArguments,
  run: ({ args }) => run(readWorkerSettings(args)),
});

async function run(settings: WorkerSettings): Promise<void> {
  const { file, processes, watch } = settings;
  const builder = watch
    ? await Watcher.open({ file, onChange: () => reloader.refresh(), onNote: say })
    : new Compiler(file);
  if (settings.pidFile !== undefined) claimPidFile(settings.pidFile);
  // Whoever reads this may go: a terminal that is closed, a pipe that ends. The workers have to be ended all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  const output = openOutput(processes, settings.logLevel);
  const supervisor = new Supervisor({ processes, clock: systemClock, log: output.log });
  const listener = settings.http && (await listen(settings.http, statusRoutes(supervisor)));

  let isAnnounced = false;
  const reloader = new Reloader({
    build: () => builder.build(),
    async deploy(program, signal) {
      const deployed = supervisor.deploy(launcher(program, settings, output), signal);
      const [worker] = await deployed.catch((error: unknown) => {
        throw builder instanceof Watcher ? builder.located(error) : error;
      });
      if (worker === undefined || isAnnounced) return;
      isAnnounced = true;
      say(describe(worker, settings, listener?.url));
    },
    clock: systemClock,
    say,
  });

  let isEnding = false;
  const ended = new Promise<void>((resolve) => {
    onSignals({
      end(signal) {
        isEnding = true;
        reloader.close();
        const running = supervisor.running();
        void supervisor.stop().then(resolve);
        void running.then((count) => say(`${signal}, waiting for ${handlers(count)}; a second signal ends it at once`));
      },
      endAtOnce: () => supervisor.kill(),
      reload: () => reloader.reload(),
    });
  });

  await reloader.start().catch((error: unknown) => {
    if (isEnding) return;
    if (!watch || error instanceof UsageError) throw error;
    say(`not started, waiting for a change: ${explain(error)}`);
  });
  await Promise.race([ended, supervisor.finished]);
  // A build that is still under way must not hold up the end.
  await settlesWithin(systemClock, CLOSING_TIME, builder.close());
  leave(exitCode.ok);
}

const say = (line: string) => console.error(`callboard worker: ${line}`);

/** Starts processes of a program. */
function launcher(program: Program, { file, overrides, http, logLevel }: WorkerSettings, output: Output): Launch {
  const env = { ...process.env, LOG_LEVEL: logLevel };
  const isMeasured = http !== undefined;
  return (number) => startWorkerProcess({ number, program, file, overrides, isMeasured, env, output });
}

function describe({ broker, queues, concurrency }: WorkerFacts, { processes }: WorkerSettings, url?: string): string {
  return [
    broker,
    `${queues.length === 1 ? "queue" : "queues"} ${queues.join(", ")}`,
    ...(processes > 1 ? [`${processes} processes`] : []),
    `concurrency ${concurrency}`,
    `pid ${process.pid}`,
    ...(url === undefined ? [] : [url]),
  ].join(", ");
}

function handlers(count: number): string {
  return count === 1 ? "1 running handler" : `${count} running handlers`;
}
