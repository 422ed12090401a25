/** How a command ends: its exit codes, and the errors that mean them. */
import { CallboardError } from "../vocabulary/errors.js";

/** The exit codes of `callboard`. A second signal to end exits with 128 and the signal's number, as shells do. */
export const exitCode = {
  ok: 0,
  failure: 1,
  usage: 2,
  alreadyRunning: 3,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

/** The command could not do its work. Its message is all that a person needs: it is shown without a stack. */
export class Failure extends Error {}

/** The worker was given no handler for some of its actors. */
export class MissingHandlers extends Failure {
  constructor(
    message: string,
    readonly actors: readonly string[],
  ) {
    super(message);
  }
}

/** Another process has the pid file. */
export class AlreadyRunning extends Failure {}

/** The command was not called rightly. */
export class UsageError extends Error {}

/** A name or a value that was given is wrong. Its message says all: how the command is called was right. */
export class BadValue extends Error {}

/** The exit code that an error means. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof BadValue) return exitCode.usage;
  return error instanceof AlreadyRunning ? exitCode.alreadyRunning : exitCode.failure;
}

/** What a person has to know of an error: its message alone where that says what to do, else everything. */
export function explain(error: unknown): string {
  if (error instanceof UsageError || error instanceof BadValue) return error.message;
  if (error instanceof Failure || error instanceof CallboardError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
