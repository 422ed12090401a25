/** Finds dead letters in any queue, puts them back where they can be handled now, and removes them. */
import type { Actor } from "../actor.js";
import type { DeadLetter, DeadLetterFilter } from "../seams/broker.js";
import { defaults } from "../vocabulary/defaults.js";
import { decodeEnvelope } from "../wire/envelope.js";
import { deadReasons, InvalidInputError, InvalidOptionError, type DeadReason } from "../vocabulary/errors.js";
import { nearest } from "../vocabulary/nearest.js";
import { partitionsOf } from "../vocabulary/partitions.js";
import { isSealed, readValue } from "../wire/wire-value.js";
import { knownQueues, unique, whichWasMeant, type OperatorContext } from "./context.js";

/** Which dead letters are meant: of these queues, or of all that are known. */
export interface DeadLetterSelection extends DeadLetterFilter {
  readonly queues?: readonly string[] | undefined;
}

/** What is told while many letters are looked at: how many so far. */
export type Progress = (seen: number) => void;

/** How letters are put back or removed. */
export interface SettleOptions {
  /** Only tells what would be done. */
  readonly dryRun?: boolean;
  readonly onProgress?: Progress;
}

/** A dead letter that cannot be put back, and why. */
export interface Refusal {
  readonly id: string;
  readonly queue: string;
  readonly actor: string | undefined;
  readonly why: string;
}

/** What became of the letters that were to be put back. */
export interface ReplayReport {
  /** How many were put back; in a dry run, how many would be. */
  readonly replayed: number;
  /** Those among them whose input is sealed, and so could not be checked. */
  readonly sealed: number;
  readonly refused: readonly Refusal[];
}

/** The reason that a text names. Refuses what is none, with all that there are. */
export function readReason(text: string): DeadReason {
  const known = deadReasons.filter((reason) => reason !== "replaced");
  const found = known.find((reason) => reason === text);
  if (found !== undefined) return found;
  const near = nearest(text, known);
  const meant = near === undefined ? "" : ` Did you mean "${near}"?`;
  throw new InvalidOptionError(`Nothing dies of "${text}".${meant} The reasons are: ${known.join(", ")}.`);
}

/** Where nothing was found: that neither a contract nor a dead letter names the actor, and which was probably meant. */
export async function doubtsAbout(
  context: OperatorContext,
  { actor }: DeadLetterSelection,
): Promise<string | undefined> {
  if (actor === undefined || context.actors.some(({ name }) => name === actor)) return undefined;
  if ((await findDeadLetters(context, { actor, limit: 1 })).length > 0) return undefined;
  const letters = await findDeadLetters(context);
  const known = [...context.actors.map(({ name }) => name), ...letters.flatMap((letter) => letter.actor ?? [])];
  return `No contract here and no dead letter names the actor "${actor}". ${whichWasMeant(actor, unique(known))}`;
}

/** The newest first. */
export async function findDeadLetters(
  context: OperatorContext,
  { queues, ...filter }: DeadLetterSelection = {},
): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = [];
  const { deadLetters } = context.broker;
  for (const queue of queues ?? (await knownQueues(context))) found.push(...(await deadLetters.list(queue, filter)));
  const limit = filter.limit ?? defaults.broker.deadLetterLimit;
  return found.toSorted((a, b) => b.diedAt - a.diedAt).slice(0, limit);
}

/** Puts letters back that today's contracts accept; with `unchecked`, all of them as they are. */
export async function replayDeadLetters(
  context: OperatorContext,
  selection: DeadLetterSelection,
  { dryRun = false, unchecked = false, onProgress }: SettleOptions & { readonly unchecked?: boolean } = {},
): Promise<ReplayReport> {
  const refused = new Map<string, Refusal>();
  let [asked, sealed, seen] = [0, 0, 0];
  const replayed = await settleEach(context, selection, async (letter) => {
    onProgress?.(++seen);
    const why = unchecked ? undefined : await whyNot(letter, context.actors);
    if (why === SEALED) sealed++;
    else if (why !== undefined) {
      const { id, queue, actor } = letter;
      refused.set(`${queue} ${id}`, { id, queue, actor, why });
      return "keep";
    }
    asked++;
    return dryRun ? "keep" : "replay";
  });
  return { replayed: dryRun ? asked : replayed.replayed, sealed, refused: [...refused.values()] };
}

/** Removes letters; returns how many, or in a dry run how many it would be. */
export async function purgeDeadLetters(
  context: OperatorContext,
  selection: DeadLetterSelection,
  { dryRun = false, onProgress }: SettleOptions = {},
): Promise<number> {
  const { queues, ...filter } = selection;
  const all = Object.values(filter).every((condition) => condition === undefined);
  if (all && !dryRun) return purgeAll(context, queues);
  let seen = 0;
  const { removed } = await settleEach(context, selection, () => {
    onProgress?.(++seen);
    return dryRun ? "keep" : "remove";
  });
  return dryRun ? seen : removed;
}

/** Removes whatever is there, also what nobody can read. */
async function purgeAll(context: OperatorContext, queues: DeadLetterSelection["queues"]): Promise<number> {
  let removed = 0;
  for (const queue of queues ?? (await knownQueues(context))) removed += await context.broker.deadLetters.purge(queue);
  return removed;
}

async function settleEach(
  context: OperatorContext,
  { queues, ...filter }: DeadLetterSelection,
  decide: Parameters<OperatorContext["broker"]["deadLetters"]["settle"]>[2],
): Promise<{ readonly replayed: number; readonly removed: number }> {
  const { deadLetters } = context.broker;
  // With a limit, the newest of all queues are meant and not those of each.
  const ids = filter.limit === undefined ? filter.ids : idsOf(await findDeadLetters(context, { queues, ...filter }));
  const meant = { ...filter, ids, limit: undefined };
  let [replayed, removed] = [0, 0];
  for (const queue of queues ?? (await knownQueues(context))) {
    const settled = await deadLetters.settle(queue, meant, decide);
    replayed += settled.replayed;
    removed += settled.removed;
  }
  return { replayed, removed };
}

function idsOf(letters: readonly DeadLetter[]): readonly string[] {
  return letters.map(({ id }) => id);
}

/** Stands for a letter that may be put back though nobody here can look into it. */
const SEALED = Symbol("sealed");

/** Why a letter cannot be put back: what would become of its message. */
async function whyNot(letter: DeadLetter, actors: readonly Actor[]): Promise<string | typeof SEALED | undefined> {
  const { queue, body } = letter;
  try {
    const { id, v, actor: name, encoding, input } = decodeEnvelope(body);
    const actor = actors.find((each) => each.name === name);
    if (actor === undefined) return noSuchActor(name, actors);
    const own = partitionsOf(actor.options.queue, actor.options.partitions);
    if (!own.includes(queue))
      return `${name} is now in the queue "${actor.options.queue}": in "${queue}" nobody would take it`;
    if (isSealed(encoding)) return SEALED;
    const value = readValue(input, encoding, { kind: "input", id, actor: name, v }, undefined);
    const checked = await actor.input.check(value);
    return checked.ok ? undefined : new InvalidInputError(name, checked.issues).message;
  } catch (error) {
    return (error as Error).message;
  }
}

function noSuchActor(name: string, actors: readonly Actor[]): string {
  const near = nearest(
    name,
    actors.map((actor) => actor.name),
  );
  return `no contract has the actor "${name}"${near === undefined ? "" : `; is it "${near}" now?`}`;
}
