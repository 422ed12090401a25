/** Pauses and resumes queues and actors. */
import { InvalidOptionError } from "../vocabulary/errors.js";
import type { PauseTarget } from "../seams/pauses.js";
import {
  knownQueues,
  stateOf,
  unique,
  unknownName,
  whichWasMeant,
  withPartitions,
  type OperatorContext,
} from "./context.js";

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
    const which = `--queue=${name} or --actor=${name}`;
    throw new InvalidOptionError(`"${name}" is a queue and an actor: say which is meant, ${which}.`);
  }
  if (queues.length > 0) return queues;
  if (actors.includes(name)) return [actor];
  throw unknownName("queue or actor", name, [...known, ...actors]);
}

/**
 * Where it is said what a name is: that nobody knows such a queue or actor, and which was probably meant. To be asked
 * before anything is changed: what is paused is known by that.
 */
export async function doubtsAboutTarget(
  context: OperatorContext,
  name: string,
  kind: NameKind,
): Promise<string | undefined> {
  if (kind === "queue") {
    const known = await knownQueues(context);
    return withPartitions(name, known).length > 0
      ? undefined
      : `No queue "${name}" is known. ${whichWasMeant(name, known)}`;
  }
  if (kind === undefined) return undefined;
  const known = await actorsAtWork(context);
  if (known === undefined || known.includes(name)) return undefined;
  return `No worker that is there and no contract here has the actor "${name}". ${whichWasMeant(name, known)}`;
}

/** The actors of the contracts and of workers that are there; `undefined` where a worker does not say which it has. */
async function actorsAtWork({ broker, actors }: OperatorContext): Promise<readonly string[] | undefined> {
  const workers = (await broker.state?.workers.list()) ?? [];
  const handled = workers.map((worker) => worker.actors);
  return handled.includes(undefined)
    ? undefined
    : unique([...namesOf(actors), ...handled.flatMap((names) => names ?? [])]);
}

/** The actors of the contracts and of workers that are there, and those that are paused. */
async function knownActors({ broker, actors }: OperatorContext): Promise<readonly string[]> {
  const [workers, pauses] = await Promise.all([broker.state?.workers.list() ?? [], broker.state?.pauses.list() ?? []]);
  const paused = pauses.flatMap(({ kind, name }) => (kind === "actor" ? [name] : []));
  return unique([...namesOf(actors), ...workers.flatMap((worker) => worker.actors ?? []), ...paused]);
}

function namesOf(actors: OperatorContext["actors"]): readonly string[] {
  return actors.map(({ name }) => name);
}
