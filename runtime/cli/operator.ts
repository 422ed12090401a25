/** What all of an operator's commands have in common: a broker that is closed in the end, and errors in one line. */
import type { ArgsDef } from "citty";
import type { Actor } from "../actor.js";
import { InvalidInputError, InvalidOptionError } from "../vocabulary/errors.js";
import { parseDuration } from "../vocabulary/duration.js";
import { NoStateStoreError, type OperatorContext } from "../operations/context.js";
import { loadActors } from "./actors.js";
import { brokerArgs, openBroker, type BrokerPlace } from "./broker.js";
import { BadValue, UsageError } from "./exit.js";

/** The options that all of them have. */
export const operatorArgs = {
  ...brokerArgs,
  json: { type: "boolean", description: "Print JSON" },
} as const satisfies ArgsDef;

/** Does something with a broker and the project's actors. A name or a value that is wrong is told without a stack. */
export async function operate(
  place: BrokerPlace,
  work: (context: OperatorContext) => Promise<void>,
  actorsOf: () => Promise<readonly Actor[]> = loadActors,
): Promise<void> {
  try {
    const actors = await actorsOf();
    const broker = await openBroker(place);
    try {
      await work({ broker, actors });
    } finally {
      await broker.close();
    }
  } catch (error) {
    if (error instanceof NoStateStoreError) throw new BadValue(`${error.message} That is --state-url=redis://….`);
    const wrong = error instanceof InvalidOptionError || error instanceof InvalidInputError;
    throw wrong ? new BadValue(error.message) : error;
  }
}

/** The names in `a,b`. */
export function readList(text: string | undefined): readonly string[] | undefined {
  return text
    ?.split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** A duration such as `10m`, in milliseconds. A number alone would be that, which nobody means here. */
export function readDuration(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const milliseconds = /^\d+$/.test(text) ? undefined : parseDuration(text);
  if (milliseconds !== undefined) return milliseconds;
  throw new UsageError(`--${name} must be a duration with its unit, such as 10m or 7d; it is "${text}".`);
}

/** A whole number of at least `least`. */
export function readCount(name: string, text: string | undefined, least = 1): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
  throw new UsageError(`--${name} must be a whole number, ${least} or more; it is "${text}".`);
}
