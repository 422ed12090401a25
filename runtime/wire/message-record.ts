/** What is recorded of a message, read as something that anybody may have written: what cannot be read is not there. */
import type { MessageRecord } from "../seams/controls.js";
import { defaults } from "../vocabulary/defaults.js";
import { fieldsOf, readJson } from "./json.js";
import { isRemoteError } from "./stored-result.js";

/** What a store may add to a progress, and how large a status may be: bytes. */
const HEADROOM = 64 * 1024;

export function readStatus(json: string | null | undefined): Pick<MessageRecord, "status"> {
  const value = parse(json);
  const { state, due, since, attempt, worker, error, reason } = fieldsOf(value);
  const { host, pid } = fieldsOf(worker);
  const is = (type: string, ...values: readonly unknown[]) => values.every((each) => typeof each === type);
  switch (state) {
    case "waiting":
      return { status: is("number", due) ? { state, due: Number(due) } : { state } };
    case "running":
      if (!is("number", since, attempt, pid) || !is("string", host)) return {};
      return {
        status: {
          state,
          since: Number(since),
          attempt: Number(attempt),
          worker: { host: String(host), pid: Number(pid) },
        },
      };
    case "retrying":
      if (!is("number", due, attempt) || !isRemoteError(error)) return {};
      return { status: { state, attempt: Number(attempt), error, due: Number(due) } };
    case "dead":
      return isDead(value) ? { status: value } : {};
    case "done":
    case "cancelled":
      return { status: { state } };
    default:
      return {};
  }

  function isDead(dead: unknown): dead is Extract<MessageRecord["status"], { readonly state: "dead" }> {
    return typeof dead === "object" && is("string", reason) && isRemoteError(error);
  }
}

export function readProgress(json: string | null | undefined): Pick<MessageRecord, "progress"> {
  const { attempt, n, value, encoding } = fieldsOf(parse(json));
  if (typeof attempt !== "number" || typeof n !== "number") return {};
  return { progress: { attempt, n, value, ...(typeof encoding === "string" && { encoding }) } };
}

/** What those who follow a message are told: `status <JSON>` or `progress <JSON>`. */
export function readNews(word: string): MessageRecord {
  const space = word.indexOf(" ");
  const json = word.slice(space + 1);
  return word.slice(0, space) === "status" ? readStatus(json) : readProgress(json);
}

function parse(json: string | null | undefined): unknown {
  if (json == null) return undefined;
  try {
    return readJson(json, "the record", defaults.message.maxBytes + HEADROOM);
  } catch {
    return undefined;
  }
}
