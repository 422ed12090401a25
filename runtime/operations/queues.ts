/** How all queues stand. */
import type { QueueStats } from "../seams/operations.js";
import type { Pause } from "../seams/pauses.js";
import type { SeenWorker } from "../seams/registry.js";
import { knownQueues, type OperatorContext } from "./context.js";
import { isSilent } from "./workers.js";

/** A queue at a glance. What cannot be told is `undefined`. */
export interface QueueOverview extends QueueStats {
  readonly queue: string;
  readonly paused: boolean | undefined;
  /** How many workers take from it; those that are silent do not count. */
  readonly workers: number | undefined;
  /** Messages that its workers were through with in a second, lately. */
  readonly rate: number | undefined;
}

/** Messages of an actor that wait outside of its queue for a place under its limits. */
export interface Parked {
  readonly actor: string;
  readonly messages: number;
}

/** All queues at a glance. */
export interface Overview {
  readonly queues: readonly QueueOverview[];
  /** The actors of the contracts of which messages are parked. */
  readonly parked: readonly Parked[];
  readonly pausedActors: readonly Pause[];
  /** What could not be told, in sentences for people. */
  readonly notes: readonly string[];
}

const NOTHING_TOLD: QueueStats = {
  waiting: undefined,
  waitingByPriority: undefined,
  delayed: undefined,
  running: undefined,
  dead: undefined,
  suspects: undefined,
  oldestAge: undefined,
  nextDue: undefined,
};

/** How these queues stand, or all that are known. */
export async function overviewOf(context: OperatorContext, names?: readonly string[]): Promise<Overview> {
  const { broker } = context;
  const [queues, workers, pauses] = await Promise.all([
    names ?? knownQueues(context),
    broker.state?.workers.list(),
    broker.state?.pauses.list(),
  ]);
  const present = workers?.filter((worker) => !isSilent(worker));
  const notes = [...(broker.operations?.limits ?? [`${broker.name} tells nothing of its queues.`])];
  if (workers === undefined)
    notes.push("Without a state store it is not known which workers there are and what is paused.");
  return {
    queues: await Promise.all(queues.map((queue) => glance(context, queue, present, pauses))),
    parked: await parkedOf(context),
    pausedActors: pauses?.filter(({ kind }) => kind === "actor") ?? [],
    notes,
  };
}

async function parkedOf({ broker, actors }: OperatorContext): Promise<readonly Parked[]> {
  const limited = actors.filter(({ limits }) => limits !== undefined);
  const counted = limited.map(async ({ name }) => ({
    actor: name,
    messages: (await broker.state?.limits.parked(name)) ?? 0,
  }));
  return (await Promise.all(counted)).filter(({ messages }) => messages > 0);
}

async function glance(
  { broker }: OperatorContext,
  queue: string,
  workers: readonly SeenWorker[] | undefined,
  pauses: readonly Pause[] | undefined,
): Promise<QueueOverview> {
  const stats = (await broker.operations?.stats(queue)) ?? NOTHING_TOLD;
  const loads = workers?.flatMap(({ queues }) => queues.filter((load) => load.queue === queue));
  return {
    ...stats,
    queue,
    // Where the broker does not count them, its workers do.
    running: stats.running ?? loads?.reduce((total, { running }) => total + running, 0),
    paused: pauses?.some(({ kind, name }) => kind === "queue" && name === queue),
    workers: loads?.length,
    // Each worker says its own to a tenth; a sum of tenths is none in binary.
    rate: loads && Math.round(loads.reduce((total, { rate }) => total + rate, 0) * 10) / 10,
  };
}
