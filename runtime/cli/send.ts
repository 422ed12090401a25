/** `callboard send`: sends one message, checked against its contract. */
import { text } from "node:stream/consumers";
import { defineCommand } from "citty";
import type { Priority } from "../vocabulary/contract.js";
import { call, send as sendByName } from "../operations/sending.js";
import { requireActors } from "./actors.js";
import { BadValue, UsageError } from "./exit.js";
import { printJson } from "./json.js";
import { operate, operatorArgs, readCount, readDuration } from "./operator.js";

/** The subcommand. */
export const send = defineCommand({
  meta: { name: "send", description: "Sends a message to an actor, checked against its contract" },
  args: {
    actor: { type: "positional", required: true, description: "Such as payments.processPayment" },
    input: {
      type: "positional",
      required: true,
      description: "The input as JSON, or - to read it from standard input",
    },
    delay: { type: "string", valueHint: "time", description: "Hold it back for so long, such as 10m" },
    priority: { type: "string", valueHint: "0-9", description: "Higher goes first (default: the contract's)" },
    wait: { type: "boolean", description: "Wait for the answer, and print it as JSON" },
    timeout: { type: "string", valueHint: "time", description: "How long to wait for it (default: 10s)" },
    ...operatorArgs,
  },
  async run({ args: { actor, input, delay, priority, wait = false, timeout, json = false, ...place } }) {
    if (timeout !== undefined && !wait) throw new UsageError("--timeout is for --wait alone.");
    const options = {
      ...optional("delay", readDuration("delay", delay)),
      ...optional("priority", readCount("priority", priority, 0) as Priority | undefined),
    };
    const limit = optional("timeout", readDuration("timeout", timeout));
    const value = readJson(input === "-" ? await text(process.stdin) : input);
    await operate(
      place,
      async (context) => {
        if (wait) {
          const output = await call(context, actor, value, { ...options, ...limit });
          return json ? printJson({ actor, output }) : console.log(JSON.stringify(output));
        }
        const sent = await sendByName(context, actor, value, options);
        if (json) printJson(sent);
        else console.log(`${sent.id} is in the queue ${sent.queue}.`);
      },
      requireActors,
    );
  },
});

function optional<Name extends string, Value>(name: Name, value: Value | undefined) {
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: Value };
}

function readJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new BadValue(`The input is no JSON: ${(error as Error).message}`);
  }
}
