/** Holds back the messages of an actor that is paused. */
import type { MaybePromise } from "../../support/maybe.js";
import type { Outcome, Postpone } from "../outcome.js";
import type { Presence } from "../presence.js";
import type { RunningTask } from "../task.js";
import type { Next } from "./compose.js";

/** For how long a message is put back before it is looked at again, in milliseconds. */
const SHORTEST_WAIT = 5_000;
const LONGEST_WAIT = 10_000;

/** A message that comes while its actor is paused is put back for a while, and no attempt is counted. */
export function pauses(presence: Presence, random: () => number) {
  // Not all at the same time, as they came.
  const heldBack = (): Postpone => ({
    kind: "postpone",
    delay: Math.round(SHORTEST_WAIT + random() * (LONGEST_WAIT - SHORTEST_WAIT)),
  });
  return ({ actor }: RunningTask, next: Next): MaybePromise<Outcome> => {
    const paused = presence.isPaused(actor.name);
    if (paused === false) return next();
    return paused === true ? heldBack() : paused.then((known) => (known ? heldBack() : next()));
  };
}
