/** A schedule that is made at run time, as text: written by a client, read by the worker that leads. */
import type { Actor } from "../actor.js";
import type { ScheduleOptions } from "../vocabulary/contract.js";
import { defaults } from "../vocabulary/defaults.js";
import { UndecodableError } from "../vocabulary/errors.js";
import { encodeInput } from "./input.js";
import { fieldsOf, readJson } from "./json.js";
import { resolveSchedule, scheduleFault, type Schedule } from "../vocabulary/schedule-options.js";
import type { Seal } from "./seal.js";
import { readValue } from "./wire-value.js";

/** Writes a schedule whose input is a value. Throws `InvalidInputError` for an input that cannot travel. */
export function writeSchedule(actor: Actor, schedule: Schedule, seal: Seal | undefined): string {
  const { id, name, cron, timeZone, catchUp, overlap, input = {} } = schedule;
  const owner = { id, actor: actor.name, v: actor.fingerprint };
  const { encoding, inputJson } = encodeInput(owner, input, { tagged: actor.input.tagged, seal });
  const fields = { actor: actor.name, v: actor.fingerprint, name, cron, timeZone, catchUp, overlap, encoding };
  return `${JSON.stringify(fields).slice(0, -1)},"input":${inputJson}}`;
}

/** The name of the actor that a written schedule is for; `undefined` where that cannot be read. */
export function actorOf(text: string): string | undefined {
  try {
    const { actor } = fieldsOf(parse(text));
    return typeof actor === "string" ? actor : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a schedule, but for its input. Throws `UndecodableError` for what is none. */
export function readTimes(actor: Actor, text: string): Schedule {
  const { name, cron, timeZone, catchUp, overlap } = fieldsOf(parse(text));
  const options = { name, cron, timeZone, catchUp, overlap };
  const fault = scheduleFault(options);
  if (fault !== undefined) throw malformed(actor, fault);
  return resolveSchedule(actor.name, options as ScheduleOptions, undefined);
}

/** Reads a schedule. Throws `UndecodableError` for what is none, and what opening a sealed input throws. */
export function readSchedule(actor: Actor, text: string, seal: Seal | undefined): Schedule {
  const schedule = readTimes(actor, text);
  const { v, encoding, input } = fieldsOf(parse(text));
  if (encoding === undefined && seal === undefined) return { ...schedule, input };
  if (typeof v !== "string" || typeof encoding !== "string") throw malformed(actor, "its encoding is missing.");
  const owner = { kind: "input", id: schedule.id, actor: actor.name, v } as const;
  return { ...schedule, input: readValue(input, encoding, owner, seal) };
}

function malformed({ name }: Actor, fault: string): UndecodableError {
  return new UndecodableError(`a schedule of ${name} is malformed: ${fault}`);
}

function parse(text: string): unknown {
  return readJson(text, "a schedule", defaults.message.maxBytes);
}
