/** `callboard cancel` and `callboard status`: end a single message, and tell how one stands. */
import { defineCommand, type ArgsDef } from "citty";
import { cancel as cancelByName, statusOf, type CancelledMessage } from "../operations/messages.js";
import { oneLine } from "../support/printable.js";
import { requireActors } from "./actors.js";
import { printJson } from "./json.js";
import { operate, operatorArgs } from "./operator.js";
import { age, facts, type Fact } from "./table.js";

const args = {
  actor: { type: "positional", required: true, description: "Such as payments.processPayment" },
  id: { type: "positional", required: true, description: "The message's id" },
  ...operatorArgs,
} as const satisfies ArgsDef;

/** `cancel`. */
export const cancel = defineCommand({
  meta: { name: "cancel", description: "Ends a message: it is not begun, or its handler is told" },
  args,
  run({ args: { actor, id, json = false, ...place } }) {
    return operate(
      place,
      async (context) => {
        const cancelled = await cancelByName(context, actor, id);
        if (json) printJson(cancelled);
        else console.log(sentence(cancelled));
      },
      requireActors,
    );
  },
});

/** `status`. */
export const status = defineCommand({
  meta: { name: "status", description: "Tells how a message of a tracked actor stands" },
  args,
  run({ args: { actor, id, json = false, ...place } }) {
    return operate(
      place,
      async (context) => {
        const found = await statusOf(context, actor, id);
        if (json) printJson(found);
        else console.log(facts(tell(found, await context.broker.now())));
      },
      requireActors,
    );
  },
});

/** Why nothing is known of a message. */
const NOT_SEEN = "nothing is recorded: it was never sent, or it ended longer ago than its resultTtl";

/** What came of a cancellation, as far as it is known whether there is such a message. */
function sentence({ id, cancellation, seen }: CancelledMessage): string {
  const shown = oneLine(id);
  if (cancellation === "ended") return `${shown} had ended before. Nothing was changed.`;
  const who =
    cancellation === "cancelled"
      ? "no worker has it, and none"
      : "a worker that has it is told to end it, and no other";
  if (seen === false) return `${shown} was not seen: ${NOT_SEEN}. From now on it is cancelled: ${who} will run it.`;
  const doubt = seen === undefined ? " Whether it was ever sent is not recorded: its actor is not tracked." : "";
  return `${shown} is cancelled: ${who} will run it.${doubt}`;
}

type Status = Awaited<ReturnType<typeof statusOf>>;

function tell(status: Status, now: number): readonly Fact[] {
  return [["id", oneLine(status.id)], ["actor", status.actor], ["state", status.state], ...details(status, now)];
}

function details(status: Status, now: number): readonly Fact[] {
  switch (status.state) {
    case "waiting":
      return status.due === undefined ? [] : [["due", moment(status.due, now)]];
    case "running": {
      const { since, attempt, worker } = status;
      return [
        ["attempt", attempt],
        ["since", moment(since, now)],
        ["worker", `${oneLine(worker.host)}, pid ${worker.pid}`],
      ];
    }
    case "retrying": {
      const { attempt, error, due } = status;
      return [
        ["attempt", attempt],
        ["error", oneLine(`${error.name}: ${error.message}`)],
        ["due", moment(due, now)],
      ];
    }
    case "dead": {
      const { reason, error } = status;
      return [
        ["reason", reason],
        ["error", oneLine(`${error.name}: ${error.message}`)],
      ];
    }
    case "unknown":
      return [["why", NOT_SEEN]];
    case "done":
    case "cancelled":
      return [];
  }
}

/** A time, and how far it is from now. */
function moment(time: Date, now: number): string {
  const away = time.getTime() - now;
  return `${time.toISOString()} (${away > 0 ? `in ${age(away)}` : `${age(-away)} ago`})`;
}
