/** What every broker does with a dead letter in the same way. */
import { reissue } from "./envelope.js";

/** A dead letter's message as it was first sent; bytes that are no envelope stay as they are. */
export function asFirstAttempt({ body }: { readonly body: string }): string {
  try {
    return reissue(body, { attempt: undefined, crashes: undefined });
  } catch {
    return body;
  }
}
