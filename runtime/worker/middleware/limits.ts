/** Has a message wait for its turn where its actor's limits say so, without a retry and without holding up others. */
import { InvalidKeyError, toRemoteError } from "../../vocabulary/errors.js";
import type { Place } from "../../seams/limits.js";
import type { Gate } from "../gate.js";
import type { Outcome } from "../outcome.js";
import type { RunningTask } from "../task.js";
import type { Next } from "./compose.js";

export function limits(gate: Gate) {
  return async function limits(task: RunningTask, next: Next): Promise<Outcome> {
    let place: Place;
    try {
      place = gate.placeOf(task.input);
    } catch (error) {
      if (!(error instanceof InvalidKeyError)) throw error;
      return { kind: "dead", reason: "invalid-key", error: toRemoteError(error, { stack: true }), attempts: 0 };
    }
    const instead = await gate.enter(task, place);
    if (instead !== undefined) return instead;
    try {
      return await next();
    } finally {
      await gate.leave(place);
    }
  };
}
