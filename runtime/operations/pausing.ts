/** Pauses and resumes queues and actors. */
import { InvalidOptionError } from "../vocabulary/errors.js";
import type { PauseTarget } from "../seams/pauses.js";
import { knownQueues, stateOf, unique, unknownName, withPartitions, type OperatorContext } from "./context.js";

/** What was done with a queue, one of its partitions, or an actor. */
export interface Paused extends PauseTarget {
  /** False where it was so already. */
  readonly changed: boolean;
}

/** What a name is to be taken for; found out where it is not said. */
export type NameKind = PauseTarget["kind"] | undefined;

/** Has nobody take from a queue, or the messages of an actor held back, until it is resumed. */
export function pause(context: OperatorContext, name: string, kind?: NameKind): Promise<readonly Paused[]> {
  return change(context, "pause", name, kind);
}

/** Ends a pause. */
export function resume(context: OperatorContext, name: string, kind?: NameKind): Promise<readonly Paused[]> {
  return change(context, "resume", name, kind);
}

async function change(
  context: OperatorContext,
  what: "pause" | "resume",
  name: string,
  kind: NameKind,
): Promise<readonly Paused[]> {
  const { pauses } = stateOf(context.broker, "nothing can be paused without one");
  const targets = await findTargets(context, name, kind);
  return Promise.all(targets.map(async (target) => ({ ...target, changed: await pauses[what](target) })));
}

/** What a name stands for. One that is said to be a queue's or an actor's need not be known. */
async function findTargets(context: OperatorContext, name: string, kind: NameKind): Promise<readonly PauseTarget[]> {
  const known = await knownQueues(context);
  const actors = await knownActors(context);
  const queues = withPartitions(name, known).map((each): PauseTarget => ({ kind: "queue", name: each }));
  const actor: PauseTarget = { kind: "actor", name };
  if (kind === "actor") return [actor];
  if (kind === "queue") return queues.length > 0 ? queues : [{ kind: "queue", name }];
  if (queues.length > 0 && actors.includes(name)) {
    throw new InvalidOptionError(`"${name}" is a queue and an actor: say which is meant, --queue or --actor.`);
  }
  if (queues.length > 0) return queues;
  if (actors.includes(name)) return [actor];
  throw unknownName("queue or actor", name, [...known, ...actors]);
}

/** The actors of the contracts, and those that are paused. */
async function knownActors({ broker, actors }: OperatorContext): Promise<readonly string[]> {
  const pauses = (await broker.state?.pauses.list()) ?? [];
  const paused = pauses.flatMap(({ kind, name }) => (kind === "actor" ? [name] : []));
  return unique([...actors.map(({ name }) => name), ...paused]);
}
