/** Cancels messages, and tells those who wait for their answers. */
import { controlsOf, type ControlStore, type Found } from "../seams/controls.js";
import { defaults } from "../vocabulary/defaults.js";
import { CancelledError } from "../vocabulary/errors.js";
import { failed, writeFailure } from "../sending/step-end.js";
import { systemClock } from "../support/clock.js";
import { allOf } from "../support/maybe.js";
import { partitionsOf } from "../vocabulary/partitions.js";
import { stepOfId, type StepPlace } from "../seams/flows.js";
import type { Awaited, StoredFailure, WaitOptions } from "../seams/results.js";
import { cancellation } from "../wire/stored-result.js";
import type { Sender, Sent } from "./message.js";

/**
 * What came of cancelling a message.
 *
 * - `cancelled`: no worker had it, and none will run it.
 * - `cancelling`: a worker has it, or the broker cannot tell; that worker is told, and no other will run it.
 * - `ended`: it had ended before, with a result or as a dead letter; nothing was done.
 */
export type Cancellation = "cancelled" | "cancelling" | "ended";

/** Cancels a message; where its queue has partitions and it is not known which one it is in, in all of them. */
export async function cancelMessage(sender: Sender, message: Sent): Promise<Cancellation> {
  const { broker, actor } = sender;
  const controls = controlsOf(broker, `${actor.name}: cancel()`);
  const { id, delay = 0 } = message;
  const queues = placesOf(sender, message);
  const keep = defaults.control.keepCancelled + delay;
  const found = (await Promise.all(queues.map((queue) => controls.cancel(queue, [{ id, keep }])))).flat();
  if (found.includes("dead")) return ended(controls, queues, id);
  const result = cancellation(new CancelledError(actor.name, id));
  const step = stepOfId(id);
  // Of a step's message there is a result in any case: those of a group are told of as they end.
  if (actor.output !== undefined || step !== undefined) {
    // A store that knows who has which message knows of the dead: a failure there is of a life before this one.
    const overFailure = !found.includes("unknown");
    const instead = await broker.results.offer(id, result, actor.options.resultTtl, { overFailure });
    if (instead !== undefined && (instead.ok || instead.reason !== "cancelled")) return ended(controls, queues, id);
  }
  if (step !== undefined && !(await failFlow(sender, step, result))) return ended(controls, queues, id);
  if (actor.tracked) {
    const { resultTtl: ttl } = actor.options;
    await controls.track(id, { state: "cancelled" }, { ttl, tell: actor.progress !== undefined });
  }
  return found.every(isFree) ? "cancelled" : "cancelling";
}

/** Has the flow fail with a step that was cancelled, if it is one. False: it had ended before, and the flow goes on. */
async function failFlow({ broker, actor, seal }: Sender, place: StepPlace, why: StoredFailure): Promise<boolean> {
  const store = broker.state?.flows;
  if (store === undefined) return true;
  const step = { place, actor: actor.name, headers: {}, attempts: 0 };
  const ended = await store.cancelStep(place, writeFailure(step, why));
  const context = { broker, clock: broker.clock ?? systemClock, seal, actors: [actor] };
  await failed(context, step, why, ended);
  return ended.kind !== "late";
}

const isFree = (found: Found) => found === "waiting";

async function ended(controls: ControlStore, queues: readonly string[], id: string): Promise<Cancellation> {
  await Promise.all(queues.map((queue) => controls.restore(queue, [id])));
  return "ended";
}

/** The queues that a message may be in. */
function placesOf({ actor }: Sender, { queue }: Sent): readonly string[] {
  return queue === actor.options.queue ? partitionsOf(queue, actor.options.partitions) : [queue];
}

/**
 * Waits for a result, and no longer once the message is cancelled. Where the result reaches only the address that the
 * message carries, nobody could say so who does not know it: the word to the workers is heard here as well.
 */
export async function untilCancelled(sender: Sender, message: Sent, options: WaitOptions): Promise<Awaited> {
  const { results, state } = sender.broker;
  const { id } = message;
  const lonely = results.addressedOnly === true;
  if (state === undefined || !(options.addressed || lonely)) return results.wait(id, options);

  const places = placesOf(sender, message).map((queue) => state.controls.cancelled(queue));
  // Made where it is needed: an error costs more than a call.
  const cancelled = () => cancellation(new CancelledError(sender.actor.name, id));
  if (!options.addressed && (await allOf(places.map((place) => place.has(id)))).includes(true)) {
    // What came here before counts.
    const ttl = sender.actor.options.resultTtl;
    const done = cancelled();
    if ((await results.offer(id, done, ttl, { overFailure: false })) === undefined) return { done };
  }
  return new Promise<Awaited>((resolve, reject) => {
    const cancel = () => {
      if (lonely) return settle(() => resolve({ done: cancelled() }));
      // What the store says counts: the message may have ended first.
      results.wait(id, { ...options, addressed: false }).then(
        (late) => settle(() => resolve(late)),
        () => undefined,
      );
    };
    const waiting = { id, cancel };
    const settle = (how: () => void) => {
      for (const { running } of places) running.delete(waiting);
      how();
    };
    for (const { running } of places) running.add(waiting);
    results.wait(id, options).then(
      (awaited) => settle(() => resolve(awaited)),
      (error: unknown) => settle(() => reject(error as Error)),
    );
  });
}
