#!/usr/bin/env node
/** The `callboard` command: finds the subcommand, runs it, and turns how it ended into an exit code. */
import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import {
  defineCommand,
  renderUsage,
  runCommand,
  type ArgsDef,
  type CommandDef,
  type Resolvable,
  type SubCommandsDef,
} from "citty";
import { lines } from "../support/printable.js";
import { checkArguments, unknown } from "./arguments.js";
import { outColors } from "./colors.js";
import { exitCodeOf, explain, UsageError } from "./exit.js";
import { isJsonAsked } from "./json.js";

// Each command is loaded only when it is named: `gen` needs no worker, `worker` no generator.
const commands: SubCommandsDef = {
  gen: () => import("./gen.js").then(({ gen }) => gen),
  acl: () => import("./acl.js").then(({ acl }) => acl),
  worker: () => import("./worker.js").then(({ worker }) => worker),
  queues: () => import("./queues.js").then(({ queues }) => queues),
  workers: () => import("./workers.js").then(({ workers }) => workers),
  schedules: () => import("./schedules.js").then(({ schedules }) => schedules),
  dead: () => import("./dead.js").then(({ dead }) => dead),
  pause: () => import("./pause.js").then(({ pause }) => pause),
  resume: () => import("./pause.js").then(({ resume }) => resume),
  send: () => import("./send.js").then(({ send }) => send),
  cancel: () => import("./message.js").then(({ cancel }) => cancel),
  status: () => import("./message.js").then(({ status }) => status),
};

const main = defineCommand({
  meta: { name: "callboard", description: "Task processing for TypeScript in which the contract is the source" },
  subCommands: commands,
});

async function run(args: readonly string[]): Promise<void> {
  const [first] = args;
  if (first === "--version" || first === "-v") return console.log(version());
  return runAmong(args, main);
}

/** Runs the command that the first argument names among those of `parent`, which is called `path`. */
async function runAmong([name, ...args]: readonly string[], parent: CommandDef, path = "callboard"): Promise<void> {
  const among = (await resolve(parent.subCommands)) ?? {};
  const names = Object.keys(among);
  if (isHelp(name)) return printUsage(parent, path, names);
  if (name === undefined) throw new UsageError(`Name a command: ${names.slice(0, -1).join(", ")} or ${names.at(-1)}.`);
  const command: CommandDef | undefined = await resolve(Object.hasOwn(among, name) ? among[name] : undefined);
  if (command === undefined) throw new UsageError(unknown("command", name, names));
  if (command.subCommands !== undefined) return runAmong(args, command, `${path} ${name}`);

  if (args.some(isHelp)) return printUsage(command, `${path} ${name}`);
  const definition: ArgsDef | undefined = await resolve(command.args);
  checkArguments(args, definition ?? {});
  await runCommand(command, { rawArgs: [...args] });
}

/** citty lets every part of a command be a value, a promise, or a function that makes it. */
function resolve<Value>(part: Resolvable<Value> | undefined): Value | Promise<Value> | undefined {
  return part instanceof Function ? part() : part;
}

/** What citty says of a command that is called `path`, so that it fits a terminal; its commands are listed below anyway. */
async function printUsage(command: CommandDef, path: string, names: readonly string[] = []): Promise<void> {
  const meta = { ...(await resolve(command.meta)), name: path };
  const usage = await renderUsage({ ...command, meta });
  const text = usage.replace(` (${path})`, "").replace(names.join("|"), names.length > 0 ? "<command>" : "");
  // citty colours its text for every reader, and fills its lines with blanks.
  const shown = outColors.isColorSupported ? text : stripVTControlCharacters(text);
  console.log(shown.replaceAll(/ +$/gm, ""));
}

function isHelp(arg: string | undefined): boolean {
  return arg === "--help" || arg === "-h";
}

function version(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  console.error(complaint(error));
  process.exit(exitCodeOf(error));
}

/** What is wrong, for people; for a script that asked for JSON, one line of that. */
function complaint(error: unknown): string {
  if (isJsonAsked()) return JSON.stringify({ error: explain(error), code: exitCodeOf(error) });
  const help = error instanceof UsageError ? "\nSee `callboard --help` and `callboard <command> --help`." : "";
  // It may name what a server told.
  return `callboard: ${lines(explain(error))}${help}`;
}
