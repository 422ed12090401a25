/** Ends a worker's process: gracefully at the first signal, at once at the second. */
import type { Worker } from "../worker/worker.js";
import { exitCode } from "./exit.js";

const exitCodes = { SIGINT: exitCode.interrupted, SIGTERM: exitCode.terminated } as const;

/** Ctrl+C under `npm run` arrives twice, from the terminal and from npm: within this time, in milliseconds, it is one. */
const ECHO = 100;

/** How often it is looked whether the worker was stopped by its own file, in milliseconds. */
const INTERVAL = 1000;

/** Resolves when the worker has stopped: because of a signal, or because its own file stopped it. */
export function untilStopped(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    let firstSignalAt: number | undefined;
    const onSignal = (signal: keyof typeof exitCodes) => {
      if (firstSignalAt === undefined) {
        firstSignalAt = Date.now();
        console.error(`callboard worker: ${signal}, waiting for ${running(worker)}; a second signal ends it at once`);
        worker.stop().then(resolve, reject);
      } else if (Date.now() - firstSignalAt > ECHO) {
        process.exit(exitCodes[signal]);
      }
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
    // An in-memory broker has no connection that would keep the process alive; this does.
    setInterval(() => {
      if (worker.state === "stopped") resolve();
    }, INTERVAL);
  });
}

function running(worker: Worker): string {
  return worker.running === 1 ? "1 running handler" : `${worker.running} running handlers`;
}
