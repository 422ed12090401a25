/** What every broker does with a dead letter in the same way. */
import type { DeadLetterInit } from "./broker.js";
import { reissue } from "./envelope.js";

/** A dead letter's message as it was first sent; bytes that are no envelope stay as they are. */
export function asFirstAttempt({ reason, body }: Pick<DeadLetterInit, "reason" | "body">): string {
  return reason === "undecodable" ? body : reissue(body, { attempt: undefined, crashes: undefined });
}
