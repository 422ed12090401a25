/** What an operator's questions and orders go to: a broker, and the project's contracts. */
import type { Actor } from "../actor.js";
import type { Broker } from "../seams/broker.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import { nearest } from "../vocabulary/nearest.js";
import { partitionsOf } from "../vocabulary/partitions.js";
import type { StateStore } from "../seams/state.js";

/** A broker, and the actors that its contracts know: none where there are no contracts at hand. */
export interface OperatorContext {
  readonly broker: Broker;
  readonly actors: readonly Actor[];
}

/** The queues that contracts name, partitions one by one. */
function queuesOfContracts(actors: readonly Actor[]): readonly string[] {
  return unique(actors.flatMap(({ options }) => partitionsOf(options.queue, options.partitions)));
}

/** Every queue that is known of: by the broker, by contracts, by workers that are there, and those that are paused. */
export async function knownQueues({ broker, actors }: OperatorContext): Promise<readonly string[]> {
  const [used, workers, pauses] = await Promise.all([
    broker.operations?.queues() ?? [],
    broker.state?.workers.list() ?? [],
    broker.state?.pauses.list() ?? [],
  ]);
  const served = workers.flatMap(({ queues }) => queues.map(({ queue }) => queue));
  const paused = pauses.flatMap(({ kind, name }) => (kind === "queue" ? [name] : []));
  return unique([...used, ...queuesOfContracts(actors), ...served, ...paused]);
}

/** The queues that a name stands for: one, or the partitions of one. Refuses a name that is not known, with the nearest. */
export async function findQueues(context: OperatorContext, name: string): Promise<readonly string[]> {
  const known = await knownQueues(context);
  const found = withPartitions(name, known);
  if (found.length === 0) throw unknownName("queue", name, unique([...known, ...known.map(withoutPartition)]));
  return found;
}

/** Those of some queues that a name stands for. */
export function withPartitions(name: string, known: readonly string[]): readonly string[] {
  return known.filter((queue) => queue === name || withoutPartition(queue) === name);
}

/** A queue's name without the number of its partition. */
function withoutPartition(queue: string): string {
  return queue.replace(/\.\d+$/, "");
}

/** Says that there is no such thing, and which was probably meant. */
export function unknownName(kind: string, name: string, known: readonly string[]): InvalidOptionError {
  return new InvalidOptionError(`There is no ${kind} "${name}". ${whichWasMeant(name, known)}`);
}

/** Which of the known names was probably meant, or all of them. */
export function whichWasMeant(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  if (near !== undefined) return `Did you mean "${near}"?`;
  return known.length === 0 ? "None is known." : `There are: ${known.join(", ")}.`;
}

/** What was asked needs a state store, and the broker was opened without one. */
export class NoStateStoreError extends InvalidOptionError {}

/** The state store of a broker. `purpose` completes the sentence why one is needed. */
export function stateOf({ name, state }: Broker, purpose: string): StateStore {
  if (state !== undefined) return state;
  throw new NoStateStoreError(
    `${name} has no state store, and ${purpose}: give its workers one, such as redisState(url), and name the same one here.`,
  );
}

export function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}
