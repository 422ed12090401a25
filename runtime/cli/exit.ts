/** How a command ends: its exit codes, and the errors that mean them. */

/** The exit codes of `callboard`. A second SIGINT or SIGTERM exits with 128 and the signal's number, as shells do. */
export const exitCode = { ok: 0, failure: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** The command could not do its work. Its message is all that a person needs: it is shown without a stack. */
export class Failure extends Error {}

/** The command was not called rightly. */
export class UsageError extends Error {}
