/** What runs in a thread: it loads the module of handlers, and makes one attempt at a time. */
import { inspect } from "node:util";
import type { MessagePort } from "node:worker_threads";
import { settled } from "../../support/maybe.js";
import { onBehalfOf } from "../current-task.js";
import type { AnyHandler } from "../handler.js";
import type { Logger } from "../logger.js";
import type { ProgressTask } from "../task.js";
import type { Assignment, Level, Note, Place } from "./protocol.js";
import { withinSurroundings } from "./surroundings.js";
import { fromThrown, toThrown, type Thrown } from "./thrown.js";

process.setSourceMapsEnabled(true);

/** Makes an attempt, and says how it ended. Never rejects. */
export default async function attempt({ port, input, message, surroundings, ...place }: Assignment): Promise<void> {
  const controller = new AbortController();
  port.on("message", (reason: Thrown) => controller.abort(fromThrown(reason)));
  const progress = (value: unknown) => say(port, { kind: "progress", value });
  const task: ProgressTask<unknown> = { message, signal: controller.signal, log: forwarding(port), progress };
  try {
    const handler = await find(place);
    if (handler === undefined) throw new Error(`${place.module} has no handler ${place.group}.${place.name}`);
    // The module that was loaded says which kinds of surroundings there are.
    const handle = () => onBehalfOf(task, () => settled(handler(input as never, task)));
    answer(port, await withinSurroundings(surroundings, handle));
  } catch (error) {
    say(port, { kind: "threw", error: toThrown(error) });
  } finally {
    port.close();
  }
}

/** Those of some handlers that the module does not have. */
export async function missing(places: readonly Place[]): Promise<readonly string[]> {
  const names: string[] = [];
  for (const place of places) if ((await find(place)) === undefined) names.push(`${place.group}.${place.name}`);
  return names;
}

/** A handler among the module's exports, or among those of its default export. */
async function find({ module, group, name }: Place): Promise<AnyHandler | undefined> {
  const exports = (await import(module)) as Exports;
  const handler = exports[group]?.[name] ?? exports.default?.[group]?.[name];
  return typeof handler === "function" ? handler : undefined;
}

type Groups = Readonly<Record<string, Readonly<Record<string, AnyHandler>> | undefined>>;
type Exports = Groups & { readonly default?: Groups };

/** A logger whose lines are written by the worker. */
function forwarding(port: MessagePort, own: object = {}): Logger {
  const at = (level: Level) => (fields: object, text: string) => tell(port, level, { ...own, ...fields }, text);
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => forwarding(port, { ...own, ...fields }),
  };
}

const say = (port: MessagePort, note: Note) => port.postMessage(note);

/** Says what the handler returned, or why it cannot leave the thread. */
function answer(port: MessagePort, output: unknown): void {
  try {
    say(port, { kind: "returned", output });
  } catch (error) {
    say(port, { kind: "unfit", message: String(error) });
  }
}

/** Says a line of the log; what cannot be copied is shown. */
function tell(port: MessagePort, level: Level, fields: object, text: string): void {
  try {
    say(port, { kind: "log", level, fields, text });
  } catch {
    say(port, { kind: "log", level, fields: { shown: inspect(fields) }, text });
  }
}
