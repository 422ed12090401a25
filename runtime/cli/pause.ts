/** `callboard pause` and `callboard resume`: hold a queue or an actor, and let it go on. */
import { defineCommand, type ArgsDef } from "citty";
import { pause as pauseByName, resume as resumeByName, type NameKind, type Paused } from "../operations/pausing.js";
import { UsageError } from "./exit.js";
import { printJson } from "./json.js";
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
      tell(await pauseByName(context, name, kind), json, "is paused", "was paused already");
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
      tell(await resumeByName(context, name, kind), json, "goes on", "was not paused");
    });
  },
});

function kindOf(queue = false, actor = false): NameKind {
  if (queue && actor) throw new UsageError("Give --queue or --actor, not both.");
  if (queue) return "queue";
  return actor ? "actor" : undefined;
}

function tell(done: readonly Paused[], json: boolean, changed: string, unchanged: string): void {
  if (json) return printJson({ targets: done });
  for (const each of done) console.log(`The ${each.kind} ${each.name} ${each.changed ? changed : unchanged}.`);
}
