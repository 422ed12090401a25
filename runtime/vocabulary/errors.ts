/** Every error of Callboard. Each kind has one code; whatever a driver throws becomes one of these once, with `cause`. */

import { parseDuration, type Duration } from "./duration.js";
import { KEY_RULE } from "./key.js";

/** The codes, one for each kind of error. */
export type ErrorCode =
  | "INVALID_OPTION"
  | "INVALID_INPUT"
  | "INVALID_OUTPUT"
  | "MESSAGE_TOO_LARGE"
  | "UNDECODABLE"
  | "UNSEALABLE"
  | "UNKNOWN_ACTOR"
  | "MISSING_HANDLER"
  | "NOT_IMPLEMENTED"
  | "RETRY_LATER"
  | "DO_NOT_RETRY"
  | "TIME_LIMIT"
  | "EXPIRED"
  | "LEASE_LOST"
  | "SLOT_LOST"
  | "SHUTDOWN"
  | "THREAD_LOST"
  | "COMPILE"
  | "INVALID_KEY"
  | "RATE_LIMITED"
  | "BARRIER_EXPIRED"
  | "RESULT_TIMEOUT"
  | "REMOTE_FAILURE"
  | "CANCELLED"
  | "INVALID_PROGRESS"
  | "FLOW_FAILED"
  | "FLOW_EXPIRED"
  | "NOT_SENT"
  | "BROKER_UNAVAILABLE"
  | "BROKER_REFUSED"
  | "BROKER_CLOSED";

/** The base of all errors that Callboard throws. */
export abstract class CallboardError extends Error {
  abstract readonly code: ErrorCode;
  override get name(): string {
    return this.constructor.name;
  }
}

/** An option is unknown, of the wrong type or out of range. */
export class InvalidOptionError extends CallboardError {
  readonly code = "INVALID_OPTION";
}

/** Says that something is no duration. */
export function badDuration(what: string, value: unknown): InvalidOptionError {
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new InvalidOptionError(
    `${what} must be a duration, milliseconds or a text such as "15s", of at most ten years; it is ${shown}.`,
  );
}

/** One thing that is wrong with a value, and where. */
export interface Issue {
  /** The place in the value: `items[2].price`; empty for the value itself. */
  readonly path: string;
  readonly message: string;
}

function describe(issues: readonly Issue[]): string {
  return issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
}

/** An input does not fit its contract. In the producer: nothing was sent. In the worker: the message is dead-lettered. */
export class InvalidInputError extends CallboardError {
  readonly code = "INVALID_INPUT";
  constructor(
    readonly actor: string,
    readonly issues: readonly Issue[],
    hint = "",
  ) {
    super(`${actor}: the input does not fit the contract: ${describe(issues)}${hint}`);
  }

  /** The same, of an input that is one of many. */
  within(place: string): InvalidInputError {
    const join = (path: string) => (path === "" || path.startsWith("[") ? `${place}${path}` : `${place}.${path}`);
    return new InvalidInputError(
      this.actor,
      this.issues.map(({ path, message }) => ({ path: join(path), message })),
    );
  }
}

/** What a handler returned, or what a result holds, does not fit the contract's output. */
export class InvalidOutputError extends CallboardError {
  readonly code = "INVALID_OUTPUT";
  constructor(
    readonly actor: string,
    readonly issues: readonly Issue[],
  ) {
    super(`${actor}: the output does not fit the contract: ${describe(issues)}`);
  }
}

/** What a handler reported as its progress does not fit its contract. Nothing was told. */
export class InvalidProgressError extends CallboardError {
  readonly code = "INVALID_PROGRESS";
  constructor(
    readonly actor: string,
    readonly issues: readonly Issue[],
  ) {
    super(`${actor}: the progress does not fit the contract: ${describe(issues)}`);
  }
}

/** A message is larger than the limit. Nothing was sent. */
export class MessageTooLargeError extends CallboardError {
  readonly code = "MESSAGE_TOO_LARGE";
  constructor(
    readonly actor: string,
    readonly bytes: number,
    readonly limit: number,
  ) {
    super(
      `${actor}: the message has ${bytes} bytes and the limit is ${limit}. Store large data elsewhere and send where it is.`,
    );
  }
}

/** Bytes from a broker are no envelope: no JSON, a field missing or of the wrong type, too large, too deep, or hostile. */
export class UndecodableError extends CallboardError {
  readonly code = "UNDECODABLE";
}

/** An input or an output is sealed and does not open here, or is not sealed where it has to be. */
export class UnsealableError extends CallboardError {
  readonly code = "UNSEALABLE";
}

/** A message names an actor that this worker has no contract for. */
export class UnknownActorError extends CallboardError {
  readonly code = "UNKNOWN_ACTOR";
  constructor(
    readonly actor: string,
    readonly queue: string,
  ) {
    super(
      `No actor is named "${actor}" in this worker (queue "${queue}"). Was its contract renamed, or is the worker older than the producer?`,
    );
  }
}

/** A worker was created without the handler of an actor that it has to serve. */
export class MissingHandlerError extends CallboardError {
  readonly code = "MISSING_HANDLER";
  constructor(
    readonly actors: readonly string[],
    /** Where they were looked for; absent for what the worker was given. */
    readonly module?: string,
  ) {
    const names = actors.join(", ");
    super(
      module === undefined
        ? `No handler for ${names}. Pass one for each actor of the worker's queues.`
        : `No handler for ${names} in ${module}. Export each group of handlers from there, as the worker is given it.`,
    );
  }
}

/** A handler stub that nobody has filled in yet. Not retried. */
export class NotImplementedError extends CallboardError {
  readonly code = "NOT_IMPLEMENTED";
  constructor(readonly actor: string) {
    super(`${actor} is not implemented yet: fill in its handler.`);
  }
}

/** Throw it in a handler to have the message tried again after a delay of your choice. It counts as an attempt. */
export class RetryLater extends CallboardError {
  readonly code = "RETRY_LATER";
  /** @param delay How long to wait, in milliseconds or as `"30s"`. */
  constructor(
    readonly delay: Duration,
    message = "the handler asked to be tried again later",
    options?: ErrorOptions,
  ) {
    super(message, options);
    if (parseDuration(delay) === undefined) throw badDuration("RetryLater", delay);
  }
}

/** Throw it in a handler to have the message dead-lettered at once, whatever its retries. */
export class DoNotRetry extends CallboardError {
  readonly code = "DO_NOT_RETRY";
}

/** An attempt ran longer than its actor's `timeLimit`. `task.signal` is aborted with it. */
export class TimeLimitError extends CallboardError {
  readonly code = "TIME_LIMIT";
  constructor(
    readonly actor: string,
    readonly limit: number,
  ) {
    super(`${actor}: the attempt was still running after its time limit of ${limit} ms`);
  }
}

/** A message waited longer than its `maxAge` allows. It is dead, and was not attempted any more. */
export class ExpiredError extends CallboardError {
  readonly code = "EXPIRED";
  constructor(
    readonly actor: string,
    /** How long ago it should have been picked up, in milliseconds. */
    readonly late: number,
  ) {
    super(`${actor}: the message waited longer than its maxAge: it was picked up ${late} ms too late`);
  }
}

/** The worker no longer holds a message that it is running: another worker has it. `task.signal` is aborted with it. */
export class LeaseLostError extends CallboardError {
  readonly code = "LEASE_LOST";
}

/**
 * A slot of a limit of concurrency was not renewed in time, as in a process that was blocked: others may have it now.
 * `task.signal` is aborted with it; the message is given back untouched.
 */
export class SlotLostError extends CallboardError {
  readonly code = "SLOT_LOST";
  /** @param key The limiter's key, or the actor's name. */
  constructor(readonly key: string) {
    super(`a slot of "${key}" was not renewed before its lease ended: others may have it now`);
  }
}

/** A function that tells the key of a limit threw, or returned something that is no key. The message is dead. */
export class InvalidKeyError extends CallboardError {
  readonly code = "INVALID_KEY";
  constructor(
    readonly actor: string,
    readonly limit: "concurrencyLimit" | "rateLimit",
    what: string,
    cause?: unknown,
  ) {
    super(`${actor}: the "key" of its "${limit}" ${KEY_RULE}; it ${what}`, { cause });
  }
}

/**
 * A limiter that is used by hand has no room. A handler that throws it on has its message put back for `retryIn`, which
 * counts as no attempt.
 */
export class RateLimitedError extends CallboardError {
  readonly code = "RATE_LIMITED";
  constructor(
    readonly key: string,
    /** Milliseconds until there may be room. */
    readonly retryIn: number,
  ) {
    super(`"${key}" has no room; there may be some in ${retryIn} ms`);
  }
}

/** A barrier was not complete when its time was over, or was never there. It never becomes complete. */
export class BarrierExpiredError extends CallboardError {
  readonly code = "BARRIER_EXPIRED";
  constructor(readonly key: string) {
    super(`there is no barrier "${key}": it expired, or nobody created it`);
  }
}

/** The worker is shutting down and waits no longer. `task.signal` is aborted with it; the message is given back untouched. */
export class ShutdownError extends CallboardError {
  readonly code = "SHUTDOWN";
}

/** A handler's thread ended by itself: it exited, threw outside of the handler, or was out of memory. The attempt has failed. */
export class ThreadLostError extends CallboardError {
  readonly code = "THREAD_LOST";
}

/** A file of a worker does not compile; the text says where and why. */
export class CompileError extends CallboardError {
  readonly code = "COMPILE";
}

/** What is known of a message whose result is not there yet. */
export type PendingState =
  | { readonly state: "pending" }
  | { readonly state: "retrying"; readonly attempt: number; readonly error: RemoteError }
  /** Steps of a pipeline or a group have not ended. */
  | { readonly state: "flow" };

/** A result did not arrive in time. The message is not cancelled: it may still run. */
export class ResultTimeoutError extends CallboardError {
  readonly code = "RESULT_TIMEOUT";
  constructor(
    readonly actor: string,
    readonly id: string,
    readonly timeout: number,
    readonly pending: PendingState,
  ) {
    super(
      `${actor}: no result of ${pending.state === "flow" ? "the flow" : "message"} ${id} after ${timeout} ms; ${
        pending.state === "retrying"
          ? `attempt ${pending.attempt} failed and it is to be retried (${pending.error.name}: ${pending.error.message})`
          : pending.state === "flow"
            ? "it is not through"
            : "it is pending: no worker has finished an attempt"
      }`,
    );
  }
}

/** An error as it travels: what another process threw. */
export interface RemoteError {
  readonly name: string;
  readonly message: string;
  /** Bounded, as name and message are. */
  readonly stack?: string;
}

/** Why messages are in the dead letters. */
export const deadReasons = [
  "undecodable",
  "unsealable",
  "unknown-actor",
  "invalid-input",
  "invalid-key",
  "invalid-output",
  "do-not-retry",
  "retries-exhausted",
  "expired",
  "crash-loop",
  // Not among the dead letters: a newer message with the same `unique` key took its place.
  "replaced",
  // The pipeline or group that a message belonged to was forgotten before its turn came.
  "flow-expired",
  // It belongs to a pipeline or a group, and the worker's broker has no store for them.
  "flow-unsupported",
] as const;

/** Why a message is in the dead letters. */
export type DeadReason = (typeof deadReasons)[number];

/** The message that a result was awaited of is dead: its handler failed for good, or it could not be handled at all. */
export class RemoteFailureError extends CallboardError {
  readonly code = "REMOTE_FAILURE";
  constructor(
    readonly actor: string,
    readonly id: string,
    readonly reason: DeadReason,
    /** The error that the worker met, with its own name, message and stack. */
    readonly remote: RemoteError,
    readonly attempts: number,
  ) {
    super(
      `${actor}: message ${id} failed (${reason}, ${attempts} ${attempts === 1 ? "attempt" : "attempts"}): ${remote.name}: ${remote.message}`,
    );
  }
}

/** The message was cancelled. In a handler, it is the reason of `task.signal`; a caller who waits gets it as well. */
export class CancelledError extends CallboardError {
  readonly code = "CANCELLED";
  constructor(
    readonly actor: string,
    readonly id: string,
  ) {
    super(`${actor}: message ${id} was cancelled`);
  }
}

/** A middleware of the client did not pass a message on. Nothing was sent. */
export class NotSentError extends CallboardError {
  readonly code = "NOT_SENT";
  constructor(readonly actor: string) {
    super(`${actor}: a middleware of the client did not pass the message on with next(message); nothing was sent`);
  }
}

/** A step of a pipeline or a group, as the error names it that it failed with. */
export interface FailedStep {
  /** Where it stands: `step 2`, `member 1, step 3`. */
  readonly place: string;
  readonly actor: string;
  /** The id of its message. */
  readonly id: string;
}

/** A pipeline or a group failed, because one of its steps is dead. */
export class FlowFailedError extends CallboardError {
  readonly code = "FLOW_FAILED";
  constructor(
    readonly id: string,
    /** Absent where the flow did not fail with a step of its own. */
    readonly step: FailedStep | undefined,
    /** Why the step is dead, or that it was cancelled. */
    readonly reason: DeadReason | "cancelled",
    /** The error that the worker met, with its own name and message. */
    readonly remote: RemoteError,
    readonly attempts: number,
  ) {
    const times = `${attempts} ${attempts === 1 ? "attempt" : "attempts"}`;
    const where = step === undefined ? "" : ` at ${step.place} (${step.actor})`;
    super(`The flow ${id} failed${where}: ${reason}, ${times}: ${remote.name}: ${remote.message}`);
  }
}

/** A message belongs to a pipeline or a group that is no longer known: nothing happened to it for longer than its `ttl`. */
export class FlowExpiredError extends CallboardError {
  readonly code = "FLOW_EXPIRED";
  constructor(readonly id: string) {
    super(`The flow ${id} is no longer known: nothing happened to it for longer than its "ttl", or it was through.`);
  }
}

/** The broker cannot be reached. Whether a message that was under way arrived is unknown, unless it is `unsent`. */
export class BrokerUnavailableError extends CallboardError {
  readonly code = "BROKER_UNAVAILABLE";
  /** Whether it is certain that nothing was sent. */
  readonly unsent: boolean;

  constructor(message: string, { unsent = false, ...options }: ErrorOptions & { readonly unsent?: boolean } = {}) {
    super(message, options);
    this.unsent = unsent;
  }
}

/** The broker answered and refused: a wrong password, missing rights, out of memory, a read-only replica. */
export class BrokerRefusedError extends CallboardError {
  readonly code = "BROKER_REFUSED";
  /** Whether the same may be accepted later: the server is full, loading, or read-only for the time being. */
  readonly passing: boolean;

  constructor(message: string, { passing = false, ...options }: ErrorOptions & { readonly passing?: boolean } = {}) {
    super(message, options);
    this.passing = passing;
  }
}

/** The broker was closed with `close()` and used afterwards. */
export class BrokerClosedError extends CallboardError {
  readonly code = "BROKER_CLOSED";
  constructor(broker: string) {
    super(`${broker} is closed`);
  }
}

/** How much of a text is kept of an error that travels, in characters. */
const TEXT_LIMIT = 4096;

/** What was thrown, by the error that travels in its place. */
const originals = new WeakMap<RemoteError, unknown>();

/** Whatever was thrown, as an error that can travel. Never throws, however odd it is. */
export function toRemoteError(thrown: unknown, options: { readonly stack: boolean }): RemoteError {
  const error = describeThrown(thrown, options);
  originals.set(error, thrown);
  return error;
}

/** What was thrown, as it was: the same object. An error that came from elsewhere becomes one of its name and message. */
export function originalOf(error: RemoteError): unknown {
  if (originals.has(error)) return originals.get(error);
  const { name, message } = error;
  return Object.assign(new Error(message), { name });
}

function describeThrown(thrown: unknown, options: { readonly stack: boolean }): RemoteError {
  try {
    if (!(thrown instanceof Error)) return { name: "Error", message: bounded(thrown) };
    const error = { name: bounded(thrown.name), message: bounded(thrown.message) };
    return options.stack ? { ...error, stack: bounded(stackOf(thrown)) } : error;
  } catch {
    return { name: "Error", message: "something was thrown that cannot be read" };
  }
}

/** The stack of an error and of what caused it. */
function stackOf(error: Error): string {
  const own = typeof error.stack === "string" ? error.stack : `${error.name}: ${error.message}`;
  return error.cause instanceof Error && error.cause !== error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own;
}

function bounded(value: unknown): string {
  return String(value).slice(0, TEXT_LIMIT);
}

/** An error as another library threw it, without what it carries beside: a driver's hold commands, and so passwords. */
export function bareCause(thrown: unknown): Error {
  const { name, message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
  const bare = new Error(message);
  bare.name = name;
  if (typeof stack === "string") bare.stack = stack;
  return bare;
}
