/** The options of one call, read into how its messages are sent. */
import { MOST_HEADERS, type Headers } from "../wire/envelope.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import { duration, refuseUnknownOptions } from "../support/given-options.js";
import { messageOptionNames, readMessageOptions } from "../vocabulary/options.js";
import type { Posting } from "../sending/posting.js";
import type { SendOptions } from "./client.js";
import type { Outgoing } from "./middleware.js";

/** What reads send options. */
type SendingCall = "send" | "sendMany" | "call" | "with" | "message";

/** The names of all send options; `send` and `call` have some of their own beside them. */
const sendOptionNames: readonly (keyof SendOptions)[] = ["delay", "priority", "headers", ...messageOptionNames];
const optionNames: Readonly<Record<SendingCall, readonly string[]>> = {
  send: [...sendOptionNames, "id"],
  sendMany: sendOptionNames,
  call: [...sendOptionNames, "id", "timeout"],
  with: sendOptionNames,
  message: sendOptionNames,
};

/** Reads the options of one call; `call` is how its caller names it. Without any, messages are sent as the plain ones. */
export function readPosting(plain: Posting, call: SendingCall, options: SendOptions | undefined): Posting {
  // The same object each time: a copy would cost more than all the rest of a message.
  if (options === undefined) return plain;
  const { actor } = plain;
  const owner = `${actor.name}.${call}`;
  refuseUnknownOptions(owner, options, optionNames[call]);
  const priority = checkPriority(options.priority) ?? actor.options.priority;
  return {
    ...plain,
    priority,
    delay: duration('"delay"', options.delay) ?? 0,
    headers: checkHeaders(owner, options.headers),
    options: readMessageOptions(owner, options, actor.options),
    id: options.id === undefined ? undefined : checkId(owner, options.id),
  };
}

/** Checks what middleware may have changed of a message. */
export function assertOutgoing(owner: string, { headers, priority, delay }: Outgoing): void {
  checkHeaders(owner, headers);
  checkPriority(priority);
  if (duration('"delay"', delay) === delay) return;
  throw new InvalidOptionError(`${owner}: "delay" must be milliseconds; it is ${JSON.stringify(delay)}.`);
}

/** An id that a caller gives: it becomes part of keys, and braces would lead those to other places in a cluster. */
export function checkId(owner: string, id: string): string {
  if (typeof id === "string" && /^[^\s{}]{1,128}$/.test(id)) return id;
  throw new InvalidOptionError(`${owner}: an id must be a text of 1 to 128 characters without blanks and braces.`);
}

function checkHeaders(owner: string, headers: Headers | undefined): Headers | undefined {
  if (headers === undefined) return undefined;
  const entries = Object.entries(headers);
  if (entries.length <= MOST_HEADERS && entries.every(([, value]) => typeof value === "string")) return headers;
  throw new InvalidOptionError(`${owner}: "headers" must be at most ${MOST_HEADERS} texts by their names.`);
}

function checkPriority(priority: number | undefined): number | undefined {
  if (priority === undefined || (Number.isInteger(priority) && priority >= 0 && priority <= 9)) return priority;
  throw new InvalidOptionError(`"priority" must be a whole number from 0 to 9; it is ${String(priority)}.`);
}
