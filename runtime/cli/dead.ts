/** `callboard dead`: lists and shows dead letters, puts them back, and removes them. */
import { createInterface } from "node:readline/promises";
import { defineCommand, type ArgsDef } from "citty";
import type { DeadLetter } from "../seams/broker.js";
import { defaults } from "../vocabulary/defaults.js";
import { findQueues, unique, type OperatorContext } from "../operations/context.js";
import {
  doubtsAbout,
  findDeadLetters,
  purgeDeadLetters,
  readReason,
  replayDeadLetters,
  type DeadLetterSelection,
  type Refusal,
  type ReplayReport,
} from "../operations/dead-letters.js";
import { lines, oneLine } from "../support/printable.js";
import { loadActors, requireActors } from "./actors.js";
import { errorColors, outColors } from "./colors.js";
import { Failure, UsageError } from "./exit.js";
import { letterJson, note, printJson } from "./json.js";
import { operate, operatorArgs, readCount, readDuration, readList } from "./operator.js";
import { Progress } from "./progress.js";
import { age, count, facts, fits, table, type Fact } from "./table.js";

/** How much of an error is shown in a list, in characters. */
const LONGEST_ERROR = 60;
/** How many letters that cannot be put back are named one by one. */
const MOST_REFUSALS = 20;

const filterArgs = {
  queue: { type: "string", valueHint: "a,b", description: "Only those of these queues (default: all)" },
  actor: { type: "string", valueHint: "name", description: "Only those of this actor" },
  reason: { type: "string", valueHint: "word", description: "Only those that died of this, such as retries-exhausted" },
  "older-than": { type: "string", valueHint: "time", description: "Only those that died longer ago, such as 2h" },
  "newer-than": { type: "string", valueHint: "time", description: "Only those that died since, such as 10m" },
  id: { type: "string", valueHint: "a,b", description: "Only these" },
  limit: { type: "string", valueHint: "n", description: "No more than so many, the newest" },
} as const satisfies ArgsDef;

const changeArgs = {
  "dry-run": { type: "boolean", description: "Change nothing; tell what would be done" },
  yes: { type: "boolean", description: "Do not ask, however many there are" },
} as const satisfies ArgsDef;

type Filters = { readonly [Name in keyof typeof filterArgs]?: string | undefined };

const list = defineCommand({
  meta: { name: "list", description: "Lists dead letters, the newest first" },
  args: { ...filterArgs, ...operatorArgs },
  run({ args: { json = false, queue, actor, reason, id, limit, ...args } }) {
    const filters = readFilters({ ...args, queue, actor, reason, id, limit });
    return operate(args, async (context) => {
      const selection = await filters(context);
      const letters = await findDeadLetters(context, selection);
      if (letters.length === 0) await sayDoubts(context, selection);
      if (selection.limit === undefined && letters.length === defaults.broker.deadLetterLimit) {
        note(`These are the newest ${letters.length}; --limit shows more.`);
      }
      if (json) return printJson({ deadLetters: letters.map(letterJson) });
      if (letters.length === 0) return console.log("There are no such dead letters.");
      printList(letters, await context.broker.now());
    });
  },
});

const show = defineCommand({
  meta: { name: "show", description: "Shows one dead letter: why it died, and its message" },
  args: {
    id: { type: "positional", required: true, description: "Its id" },
    queue: { type: "string", valueHint: "name", description: "Its queue (default: all are searched)" },
    ...operatorArgs,
  },
  run({ args: { id, queue, json = false, ...place } }) {
    return operate(place, async (context) => {
      const queues = queue === undefined ? undefined : await findQueues(context, queue);
      const [letter] = await findDeadLetters(context, { queues, ids: [id], limit: 1 });
      if (letter === undefined) throw new Failure(`There is no dead letter "${oneLine(id)}".`);
      if (json) printJson(letterJson(letter));
      else print(letter, await context.broker.now());
    });
  },
});

const replay = defineCommand({
  meta: { name: "replay", description: "Puts dead letters back, if today's contracts accept them" },
  args: {
    ...filterArgs,
    ...changeArgs,
    unchecked: { type: "boolean", description: "Put them back as they are, whatever the contracts say" },
    ...operatorArgs,
  },
  run({ args: { json = false, yes = false, unchecked = false, "dry-run": dryRun = false, ...args } }) {
    const filters = readFilters(args);
    return operate(
      args,
      async (context) => {
        const selection = await filters(context);
        const attempt = (dry: boolean) =>
          withProgress(dry ? "looked at" : "put back", (onProgress) =>
            replayDeadLetters(context, selection, { dryRun: dry, unchecked, onProgress }),
          );
        const plan = dryRun || !yes ? await attempt(true) : undefined;
        if (plan !== undefined && !dryRun && plan.replayed > 1) {
          await confirm(`${count(plan.replayed, "dead letter")} would be put back`);
        }
        const report = dryRun && plan !== undefined ? plan : await attempt(false);
        if (json) printJson({ ...report, dryRun });
        else printReplay(report, dryRun);
        if (report.replayed + report.sealed + report.refused.length === 0) {
          await sayDoubts(context, selection);
          if (args.id !== undefined) throw new Failure(`There is no dead letter ${args.id}.`);
        }
        if (report.refused.length > 0) {
          throw new Failure(
            `${count(report.refused.length, "dead letter")} cannot be put back; nothing of them is lost.`,
          );
        }
      },
      unchecked ? loadActors : requireActors,
    );
  },
});

const purge = defineCommand({
  meta: { name: "purge", description: "Removes dead letters for good" },
  args: { ...filterArgs, ...changeArgs, ...operatorArgs },
  run({ args: { json = false, yes = false, "dry-run": dryRun = false, ...args } }) {
    const filters = readFilters(args);
    return operate(args, async (context) => {
      const selection = await filters(context);
      const attempt = (dry: boolean) =>
        withProgress(dry ? "looked at" : "removed", (onProgress) =>
          purgeDeadLetters(context, selection, { dryRun: dry, onProgress }),
        );
      const plan = dryRun || !yes ? await attempt(true) : undefined;
      if (plan !== undefined && !dryRun && plan > 1)
        await confirm(`${count(plan, "dead letter")} would be removed for good`);
      const removed = dryRun && plan !== undefined ? plan : await attempt(false);
      if (removed === 0) await sayDoubts(context, selection);
      if (json) return printJson({ removed, dryRun });
      console.log(`${count(removed, "dead letter")} ${dryRun ? "would be removed; nothing was changed" : "removed"}.`);
    });
  },
});

/** The subcommand. */
export const dead = defineCommand({
  meta: { name: "dead", description: "Looks after dead letters: list, show, replay, purge" },
  subCommands: { list, show, replay, purge },
});

/** Reads the filters of the command line at once, and says what they mean as soon as there is a broker to ask. */
function readFilters(filters: Filters): (context: OperatorContext) => Promise<DeadLetterSelection> {
  const limit = readCount("limit", filters.limit);
  const olderThan = readDuration("older-than", filters["older-than"]);
  const newerThan = readDuration("newer-than", filters["newer-than"]);
  const names = readList(filters.queue);
  const { actor } = filters;
  const ids = readList(filters.id);
  return async (context) => {
    const reason = filters.reason === undefined ? undefined : readReason(filters.reason);
    const now = await context.broker.now();
    return {
      queues: names === undefined ? undefined : await queuesOf(context, names),
      actor,
      reason,
      ids,
      limit,
      diedBefore: olderThan === undefined ? undefined : now - olderThan,
      diedSince: newerThan === undefined ? undefined : now - newerThan,
    };
  };
}

async function queuesOf(context: OperatorContext, names: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(names.map((name) => findQueues(context, name)));
  return unique(found.flat());
}

/** Says where nothing was found what may be the cause. */
async function sayDoubts(context: OperatorContext, selection: DeadLetterSelection): Promise<void> {
  const doubts = await doubtsAbout(context, selection);
  if (doubts !== undefined) note(oneLine(doubts));
}

async function withProgress<T>(what: string, work: (tell: (seen: number) => void) => Promise<T>): Promise<T> {
  const progress = new Progress(what);
  try {
    return await work(progress.tell);
  } finally {
    progress.end();
  }
}

/** Asks before much is changed; where there is nobody to ask, that is refused. */
async function confirm(what: string): Promise<void> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw new UsageError(`${what}: say --yes to do it, or --dry-run to see more. Nothing was changed.`);
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  // Who ends the input has not agreed.
  const ended = new Promise<string>((resolve) => asking.once("close", () => resolve("")));
  const answer = await Promise.race([asking.question(`${what}. Go on? [y/N] `), ended]);
  asking.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new Failure("Nothing was changed.");
}

const columns = [
  { head: "ID" },
  { head: "QUEUE" },
  { head: "ACTOR" },
  { head: "REASON" },
  { head: "ATTEMPTS", numbers: true },
  { head: "DIED", numbers: true },
  { head: "ERROR" },
];

function printList(letters: readonly DeadLetter[], now: number): void {
  const rows = letters.map(({ id, queue, actor, reason, attempts, diedAt, error }) => [
    oneLine(id),
    oneLine(queue),
    actor === undefined ? null : oneLine(actor),
    oneLine(reason),
    attempts,
    `${age(now - diedAt)} ago`,
    oneLine(`${error.name}: ${error.message}`, LONGEST_ERROR),
  ]);
  const whole = table(columns, rows);
  console.log(fits(whole) ? whole : letters.map((letter) => brief(letter, now)).join("\n"));
}

/** A letter on lines of its own, for a terminal that is too narrow for the table. */
function brief({ id, queue, actor, reason, attempts, diedAt, error }: DeadLetter, now: number): string {
  return [
    `${outColors.bold(oneLine(id))}  ${oneLine(reason)}, ${count(attempts, "attempt")}, ${age(now - diedAt)} ago`,
    `    ${actor === undefined ? "no known actor" : oneLine(actor)} in ${oneLine(queue)}`,
    `    ${oneLine(`${error.name}: ${error.message}`, LONGEST_ERROR)}`,
  ].join("\n");
}

function print(letter: DeadLetter, now: number): void {
  const { id, queue, actor, priority, reason, attempts, sentAt, diedAt, error, body } = letter;
  const known: readonly Fact[] = [
    ["id", oneLine(id)],
    ["actor", actor === undefined ? "-" : oneLine(actor)],
    ["queue", oneLine(queue)],
    ["priority", priority],
    ["reason", oneLine(reason)],
    ["attempts", attempts],
    ["sent", sentAt === undefined ? "-" : new Date(sentAt).toISOString()],
    ["died", `${new Date(diedAt).toISOString()} (${age(now - diedAt)} ago)`],
  ];
  console.log(facts(known));
  console.log(`\n${outColors.bold("error")}\n${lines(error.stack ?? `${error.name}: ${error.message}`)}`);
  console.log(`\n${outColors.bold("message")}\n${lines(pretty(body))}`);
}

/** JSON with an indent; what is none stays as it is. */
function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function printReplay({ replayed, sealed, refused }: ReplayReport, dryRun: boolean): void {
  for (const each of refused.slice(0, MOST_REFUSALS)) console.error(refusal(each));
  if (refused.length > MOST_REFUSALS) console.error(`… and ${refused.length - MOST_REFUSALS} more; --json names all.`);
  const unchecked = sealed === 0 ? "" : `, of ${sealed} the input is sealed and was not checked`;
  const what = dryRun ? "would be put back; nothing was changed" : "put back";
  console.log(`${count(replayed, "dead letter")} ${what}${unchecked}.`);
}

function refusal({ id, queue, why }: Refusal): string {
  return `${errorColors.red("stays")}  ${oneLine(id)} in ${oneLine(queue)}: ${oneLine(why)}`;
}
