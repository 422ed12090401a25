#!/usr/bin/env node
/** The `callboard` command: finds the subcommand, runs it, and turns how it ended into an exit code. */
import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { defineCommand, renderUsage, runCommand, type ArgsDef, type Resolvable, type SubCommandsDef } from "citty";
import pc from "picocolors";
import { checkArguments, unknown } from "./arguments.js";
import { exitCodeOf, explain, UsageError } from "./exit.js";

// Each command is loaded only when it is named: `gen` needs no worker, `worker` no generator.
const commands: SubCommandsDef = {
  gen: () => import("./gen.js").then(({ gen }) => gen),
  acl: () => import("./acl.js").then(({ acl }) => acl),
  worker: () => import("./worker.js").then(({ worker }) => worker),
};

const main = defineCommand({
  meta: { name: "callboard", description: "Task processing for TypeScript in which the contract is the source" },
  subCommands: commands,
});

async function run([name, ...args]: readonly string[]): Promise<void> {
  const names = Object.keys(commands);
  if (isHelp(name)) return printUsage(await renderUsage(main));
  if (name === "--version" || name === "-v") return console.log(version());
  if (name === undefined) throw new UsageError(`Name a command: ${names.slice(0, -1).join(", ")} or ${names.at(-1)}.`);
  const command = await resolve(Object.hasOwn(commands, name) ? commands[name] : undefined);
  if (command === undefined) throw new UsageError(unknown("command", name, names));

  if (args.some(isHelp)) return printUsage(await renderUsage(command, main));
  const definition: ArgsDef | undefined = await resolve(command.args);
  checkArguments(args, definition ?? {});
  await runCommand(command, { rawArgs: [...args] });
}

/** citty lets every part of a command be a value, a promise, or a function that makes it. */
function resolve<Value>(part: Resolvable<Value> | undefined): Value | Promise<Value> | undefined {
  return part instanceof Function ? part() : part;
}

/** citty colours its text for every reader; a file or a pipe wants it plain. */
function printUsage(text: string): void {
  console.log(pc.isColorSupported ? text : stripVTControlCharacters(text));
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
  const help = error instanceof UsageError ? "\nSee `callboard --help` and `callboard <command> --help`." : "";
  console.error(`callboard: ${explain(error)}${help}`);
  process.exit(exitCodeOf(error));
}
