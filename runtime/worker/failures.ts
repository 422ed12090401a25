/** What a message remembers of its failed attempts. */
import type { Envelope, Failure } from "../wire/envelope.js";
import type { RemoteError } from "../vocabulary/errors.js";
import type { Outcome } from "./outcome.js";

/** How many are kept: the first one, and the newest of the others. */
const MOST = 20;
/** How much of a name and of a text is kept, in characters: `HEADROOM` in envelope.ts has room for all of it. */
const LONGEST = { name: 100, message: 300 } as const;

/** The failures of a message after an attempt, the oldest first. What was no attempt adds none. */
export function failuresAfter({ failures, attempt }: Envelope, outcome: Outcome, at: number): readonly Failure[] {
  if (outcome.kind === "retry") return withFailure(failures, outcome.error, at);
  if (outcome.kind === "dead" && outcome.attempts >= attempt) return withFailure(failures, outcome.error, at);
  return failures;
}

function withFailure(earlier: readonly Failure[], error: RemoteError, at: number): readonly Failure[] {
  const failure = { at, name: error.name.slice(0, LONGEST.name), message: error.message.slice(0, LONGEST.message) };
  const all = [...earlier, failure];
  return all.length <= MOST ? all : [...all.slice(0, 1), ...all.slice(1 - MOST)];
}
