/** `callboard pause` and `callboard resume`: hold a queue or an actor, and let it go on. */
import { defineCommand, type ArgsDef } from "citty";
import {
  doubtsAboutTarget,
  pause as pauseByName,
  resume as resumeByName,
  type NameKind,
  type Paused,
} from "../operations/pausing.js";
import { oneLine } from "../support/printable.js";
import { UsageError } from "./exit.js";
import { note, printJson } from "./json.js";
import { operate, operatorArgs } from "./operator.js";

const args = {
  name: { type: "positional", required: true, description: "A queue, or an actor such as payments.processPayment" },
  queue: { type: "boolean", description: "The name is a queue's" },
  actor: { type: "boolean", description: "The name is an actor's" },
  ...operatorArgs,
} as const satisfies ArgsDef;

/** `pause`. */
export const pause = defineCommand({
  meta: { name: "pause", description: "Has nobody take from a queue, or holds an actor's messages back" },
  args,
  run({ args: { name, queue, actor, json = false, ...place } }) {
    const kind = kindOf(queue, actor);
    return operate(place, async (context) => {
      const doubts = await doubtsAboutTarget(context, name, kind);
      tell(await pauseByName(context, name, kind), json, "is paused", "was paused already");
      sayDoubts(doubts);
    });
  },
});

/** `resume`. */
export const resume = defineCommand({
  meta: { name: "resume", description: "Lets a queue or an actor go on" },
  args,
  run({ args: { name, queue, actor, json = false, ...place } }) {
    const kind = kindOf(queue, actor);
    return operate(place, async (context) => {
      const doubts = await doubtsAboutTarget(context, name, kind);
      tell(await resumeByName(context, name, kind), json, "goes on", "was not paused");
      sayDoubts(doubts);
    });
  },
});

function kindOf(queue = false, actor = false): NameKind {
  if (queue && actor) throw new UsageError("Give --queue or --actor, not both.");
  if (queue) return "queue";
  return actor ? "actor" : undefined;
}

function sayDoubts(doubts: string | undefined): void {
  if (doubts !== undefined) note(oneLine(doubts));
}

function tell(done: readonly Paused[], json: boolean, changed: string, unchanged: string): void {
  if (json) return printJson({ targets: done });
  for (const each of done) console.log(`The ${each.kind} ${oneLine(each.name)} ${each.changed ? changed : unchanged}.`);
}
