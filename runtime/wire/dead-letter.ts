/** What every broker does with a dead letter in the same way. */
import type { DeadLetter, DeadLetterFilter, DeadLetterInit } from "../seams/broker.js";
import { defaults } from "../vocabulary/defaults.js";
import { isFailures, reissue } from "./envelope.js";
import { fieldsOf, isBounded, isClean } from "./json.js";
import { isRemoteError } from "./stored-result.js";

/** What a message has met with on its way. One that is put back by hand has its first attempt before it, and is not too old. */
const PAST = {
  attempt: undefined,
  crashes: undefined,
  misses: undefined,
  failures: undefined,
  expires: undefined,
  turn: undefined,
} as const;

/** A dead letter's message as it was first sent; bytes that are no envelope stay as they are. */
export function asFirstAttempt({ body }: { readonly body: string }): string {
  try {
    return reissue(body, PAST);
  } catch {
    return body;
  }
}

/** Whether a dead letter is one of those that are meant; their number is the caller's affair. */
export function fits(letter: DeadLetter, { ids, actor, reason, diedBefore, diedSince }: DeadLetterFilter): boolean {
  return (
    (ids === undefined || ids.includes(letter.id)) &&
    (actor === undefined || letter.actor === actor) &&
    (reason === undefined || letter.reason === reason) &&
    (diedBefore === undefined || letter.diedAt < diedBefore) &&
    (diedSince === undefined || letter.diedAt >= diedSince)
  );
}

/** A dead letter as a broker keeps it: one that keeps the time of death elsewhere does not say it. */
export type KeptLetter = DeadLetterInit & Partial<Pick<DeadLetter, "diedAt">>;

/**
 * A dead letter as it was kept; `undefined` for what is none. Its size has no limit here: it may hold a message that was
 * dead for its size.
 */
export function readDeadLetter(json: string): KeptLetter | undefined {
  if (!isBounded(json, defaults.message.maxDepth)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  return isClean(json, value) && isLetter(value) ? value : undefined;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

/** What every field has to be. What a letter says decides where its message is put back. */
const shape: Readonly<Record<keyof DeadLetter, Check>> = {
  id: isText,
  actor: optional(isText),
  queue: isText,
  priority: (value) => isCount(value) && Number(value) <= 9,
  reason: isText,
  error: isRemoteError,
  attempts: isCount,
  failures: optional(isFailures),
  sentAt: optional(isCount),
  body: isText,
  diedAt: optional(isCount),
};

function isLetter(value: unknown): value is KeptLetter {
  const letter = fieldsOf(value);
  return Object.entries(shape).every(([name, fits]) => fits(letter[name]));
}
