/** Errors on their way between a worker and its threads: what is decided by their kind, their name or their class stays. */
import { parseDuration } from "../../vocabulary/duration.js";
import {
  CancelledError,
  DoNotRetry,
  LeaseLostError,
  NotImplementedError,
  RateLimitedError,
  RetryLater,
  ShutdownError,
  SlotLostError,
  TimeLimitError,
  toRemoteError,
  type ErrorCode,
  type RemoteError,
} from "../../vocabulary/errors.js";
import { fieldsOf } from "../../wire/json.js";
import { lineageOf, rememberLineage } from "../lineage.js";

/** An error that can be copied. */
export interface Thrown extends RemoteError {
  /** The names of its classes, its own first. */
  readonly lineage: readonly string[];
  /** What kind it is, as Node's errors and Callboard's say it. */
  readonly code?: string;
  /** What some kinds say beside. */
  readonly actor?: string;
  readonly id?: string;
  readonly key?: string;
  readonly limit?: number;
  readonly delay?: number;
  readonly retryIn?: number;
}

/** How each kind is made anew that something is decided by. */
const kinds = {
  DO_NOT_RETRY: ({ message }: Thrown) => new DoNotRetry(message),
  NOT_IMPLEMENTED: ({ actor = "" }: Thrown) => new NotImplementedError(actor),
  RETRY_LATER: ({ delay = 0, message }: Thrown) => new RetryLater(delay, message),
  RATE_LIMITED: ({ key = "", retryIn = 0 }: Thrown) => new RateLimitedError(key, retryIn),
  SLOT_LOST: ({ key = "" }: Thrown) => new SlotLostError(key),
  LEASE_LOST: ({ message }: Thrown) => new LeaseLostError(message),
  SHUTDOWN: ({ message }: Thrown) => new ShutdownError(message),
  CANCELLED: ({ actor = "", id = "" }: Thrown) => new CancelledError(actor, id),
  TIME_LIMIT: ({ actor = "", limit = 0 }: Thrown) => new TimeLimitError(actor, limit),
} as const satisfies Partial<Record<ErrorCode, (thrown: Thrown) => Error>>;

/** Known by its code and not its class: a handler's module may have another copy of this package. */
const isKind = (code: string): code is keyof typeof kinds => Object.hasOwn(kinds, code);

/** Whatever was thrown, so that it can be copied. */
export function toThrown(error: unknown): Thrown {
  const thrown = { ...toRemoteError(error, { stack: true }), lineage: lineageOf(error) };
  const { code, actor, id, key, limit, delay, retryIn } = fieldsOf(error);
  if (typeof code !== "string") return thrown;
  if (!isKind(code)) return { ...thrown, code };
  const wait = parseDuration(delay);
  return {
    ...thrown,
    code,
    ...(typeof actor === "string" && { actor }),
    ...(typeof id === "string" && { id }),
    ...(typeof key === "string" && { key }),
    ...(typeof retryIn === "number" && { retryIn }),
    ...(typeof limit === "number" && { limit }),
    ...(wait !== undefined && { delay: wait }),
  };
}

/** An error of the same kind. */
function anew(thrown: Thrown): Error {
  const { code, message } = thrown;
  if (code === undefined) return new Error(message);
  return isKind(code) ? kinds[code](thrown) : Object.assign(new Error(message), { code });
}

/** The error again, on the other side. */
export function fromThrown(thrown: Thrown): Error {
  const { name, stack, lineage } = thrown;
  const error = anew(thrown);
  Object.defineProperty(error, "name", { value: name });
  if (stack !== undefined) error.stack = stack;
  rememberLineage(error, lineage);
  return error;
}
