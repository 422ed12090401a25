/** Hears the signals that a command which goes on is sent: to end, to end at once, to reload. */
import { exitCode } from "./exit.js";
import { isTerminalClosed, leave } from "./terminal.js";

const exitCodes = { SIGHUP: exitCode.hungUp, SIGINT: exitCode.interrupted, SIGTERM: exitCode.terminated } as const;

/** A signal that asks a process to end. */
export type EndingSignal = keyof typeof exitCodes;

/** What is done at a signal. */
export interface SignalHandlers {
  /** Begins to end. Called once. */
  readonly end: (signal: EndingSignal) => void;
  /** A second signal has come: the process ends as soon as this returns. */
  readonly endAtOnce: () => void;
  readonly reload: () => void;
}

/** Ctrl+C under `npm run` arrives twice, from the terminal and from npm: within this time, in milliseconds, it is one. */
const ECHO = 100;

/** Hears signals from now on. */
export function onSignals({ end, endAtOnce, reload }: SignalHandlers): void {
  let firstAt: number | undefined;
  const onEnding = (signal: EndingSignal) => {
    if (firstAt === undefined) {
      firstAt = Date.now();
      end(signal);
    } else if (Date.now() - firstAt > ECHO) {
      endAtOnce();
      leave(exitCodes[signal]);
    }
  };
  process.on("SIGINT", onEnding);
  process.on("SIGTERM", onEnding);
  process.on("SIGHUP", () => {
    // A terminal that is closed sends this, too; then nobody means a reload.
    if (isTerminalClosed()) onEnding("SIGHUP");
    else reload();
  });
}
