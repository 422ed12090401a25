/** What becomes of a message whose actor a worker does not know: another may, as while a new version is rolled out. */
import type { Envelope } from "../wire/envelope.js";
import { toRemoteError, UnknownActorError, type RemoteError } from "../vocabulary/errors.js";
import type { Dead, Postpone } from "./outcome.js";

/** How long a message waits before it is looked at again, in milliseconds; doubled each time. */
const SHORTEST_WAIT = 250;
const LONGEST_WAIT = 30_000;

/**
 * Puts it back, for longer each time, until it has waited for `grace` milliseconds in all; then it is dead. What it has
 * waited is known from how often it was put back, so that no clock but the broker's is asked.
 */
export function unknownActor(
  { actor, misses }: Envelope,
  queue: string,
  grace: number,
): (Postpone & { readonly error: RemoteError }) | Dead {
  const error = toRemoteError(new UnknownActorError(actor, queue), { stack: true });
  const left = grace - waited(misses);
  if (left <= 0) return { kind: "dead", reason: "unknown-actor", error, attempts: 0 };
  return { kind: "postpone", delay: Math.min(wait(misses), left), error, changes: { misses: misses + 1 } };
}

function wait(misses: number): number {
  return Math.min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** Math.min(misses, 10));
}

/** The sum of all waits so far. */
function waited(misses: number): number {
  const growing = Math.min(misses, Math.ceil(Math.log2(LONGEST_WAIT / SHORTEST_WAIT)));
  return SHORTEST_WAIT * (2 ** growing - 1) + LONGEST_WAIT * (misses - growing);
}
