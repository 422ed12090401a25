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
  name: { type: "positional", required: false, description: "A queue, or an actor such as payments.processPayment" },
  queue: { type: "string", valueHint: "name", description: "A queue, also one that nobody knows" },
  actor: { type: "string", valueHint: "name", description: "An actor, also one that nobody knows" },
  ...operatorArgs,
} as const satisfies ArgsDef;

/** `pause`. */
export const pause = defineCommand({
  meta: { name: "pause", description: "Has nobody take from a queue, or holds an actor's messages back" },
  args,
  run({ args: { name, queue, actor, json = false, ...place } }) {
    const target = whichIsMeant(name, queue, actor);
    return operate(place, async (context) => {
      const doubts = await doubtsAboutTarget(context, target.name, target.kind);
      tell(await pauseByName(context, target.name, target.kind), json, "is paused", "was paused already");
      sayDoubts(doubts);
    });
  },
});

/** `resume`. */
export const resume = defineCommand({
  meta: { name: "resume", description: "Lets a queue or an actor go on" },
  args,
  run({ args: { name, queue, actor, json = false, ...place } }) {
    const target = whichIsMeant(name, queue, actor);
    return operate(place, async (context) => {
      const doubts = await doubtsAboutTarget(context, target.name, target.kind);
      tell(await resumeByName(context, target.name, target.kind), json, "goes on", "was not paused");
      sayDoubts(doubts);
    });
  },
});

/** The one that was named, in one of three ways. */
function whichIsMeant(name?: string, queue?: string, actor?: string): { name: string; kind: NameKind } {
  const named = [
    { name, kind: undefined },
    { name: queue, kind: "queue" },
    { name: actor, kind: "actor" },
  ] as const;
  const [target, other] = named.flatMap(({ name, kind }) => (name === undefined ? [] : [{ name, kind }]));
  if (target !== undefined && other === undefined) return target;
  throw new UsageError("Give one of these: a name, --queue=<name> or --actor=<name>.");
}

function sayDoubts(doubts: string | undefined): void {
  if (doubts !== undefined) note(oneLine(doubts));
}

function tell(done: readonly Paused[], json: boolean, changed: string, unchanged: string): void {
  if (json) return printJson({ targets: done });
  for (const each of done) console.log(`The ${each.kind} ${oneLine(each.name)} ${each.changed ? changed : unchanged}.`);
}
