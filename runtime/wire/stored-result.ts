/** A result as a store keeps it: written within its limits, and read as something that anybody may have written. */
import { defaults } from "../vocabulary/defaults.js";
import { UndecodableError, type CancelledError, type PendingState, type RemoteError } from "../vocabulary/errors.js";
import { fieldsOf, isBounded, isClean, readJson } from "./json.js";
import type { StoredFailure, StoredResult } from "../seams/results.js";

/** What surrounds an output in a result: bytes. */
const FRAME = 1024;
/** What a broker may add to it, and how large a state may be: bytes. */
const HEADROOM = 64 * 1024;

/** How large a result may be that is read, with what a broker adds to it: bytes. */
export const LARGEST_RESULT = defaults.message.maxBytes + HEADROOM;

/** The end of a message that was cancelled. */
export function cancellation({ name, message }: CancelledError): StoredFailure {
  return { ok: false, reason: "cancelled", error: { name, message }, attempts: 0 };
}

/** Whether a result stays, whatever comes later: an answer, or that the message was cancelled. */
export function isFinal(result: StoredResult): boolean {
  return result.ok || result.reason === "cancelled";
}

/** A result as JSON. Throws `TypeError` where JSON refuses it, and `RangeError` for one that no caller would read. */
export function writeResult(result: StoredResult): string {
  const json = JSON.stringify(result);
  assertFits(json, result);
  return json;
}

/** Throws `RangeError` for JSON of a value that no caller would read. */
export function assertFits(json: string, value: unknown): void {
  const { maxBytes, maxDepth } = defaults.message;
  if (json.length * 3 > maxBytes) {
    const bytes = Buffer.byteLength(json);
    if (bytes > maxBytes + FRAME) {
      throw new RangeError(
        `it has ${bytes} bytes and the limit is ${maxBytes}; store large data elsewhere, return where`,
      );
    }
  }
  if (!isBounded(json, maxDepth)) throw new RangeError(`it is nested deeper than ${maxDepth - 1} levels`);
  if (!isClean(json, value)) throw new RangeError('it has a key named "__proto__"');
}

/** What `writeResult` wrote. Throws `UndecodableError` for anything else. */
export function readResult(id: string, json: string): StoredResult {
  return toResult(id, readJson(json, `the result of message ${id}`, LARGEST_RESULT));
}

/** A parsed value as a result. Throws `UndecodableError` for anything else. */
export function toResult(id: string, value: unknown): StoredResult {
  const { ok, output, encoding, reason, error, attempts, step } = fieldsOf(value);
  if (ok === true && (encoding === undefined || typeof encoding === "string")) {
    return encoding === undefined ? { ok, output } : { ok, output, encoding };
  }
  const failed = ok === false && typeof reason === "string" && isRemoteError(error) && typeof attempts === "number";
  if (failed && (step === undefined || isStep(step))) return value as StoredResult;
  throw new UndecodableError(`the result of message ${id} is malformed`);
}

function isStep(value: unknown): boolean {
  const { node, actor } = fieldsOf(value);
  return Number.isSafeInteger(node) && typeof actor === "string";
}

/** What is known before there is a result; of what cannot be read, nothing is. */
export function toState(value: unknown): PendingState {
  const { state, attempt, error } = fieldsOf(value);
  if (state === "retrying" && typeof attempt === "number" && isRemoteError(error)) return { state, attempt, error };
  return { state: "pending" };
}

/** What is known before there is a result, as JSON. */
export function readState(json: string): PendingState {
  try {
    return toState(readJson(json, "the state", HEADROOM));
  } catch {
    return { state: "pending" };
  }
}

/** Whether a parsed value is an error as it travels. */
export function isRemoteError(value: unknown): value is RemoteError {
  const { name, message, stack } = fieldsOf(value);
  return typeof name === "string" && typeof message === "string" && (stack === undefined || typeof stack === "string");
}
