/** Sees to it that all who send to a queue through one broker say the same of it. */
import type { Actor } from "../actor.js";
import type { Broker } from "../seams/broker.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import { findDisagreements } from "../vocabulary/partitions.js";

/** One actor of each queue that was bound to a broker. */
const known = new WeakMap<Broker, Map<string, Actor>>();

/** Refuses an actor that says something else of its queue than those before it on this broker. */
export function assertAgreement(broker: Broker, actor: Actor): void {
  const queues = known.get(broker) ?? new Map<string, Actor>();
  const [disagreement] = findDisagreements([...queues.values(), actor]);
  if (disagreement !== undefined) throw new InvalidOptionError(disagreement.message);
  known.set(broker, queues.set(actor.options.queue, actor));
}
