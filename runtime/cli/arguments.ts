/** Reads a command's arguments strictly: what it does not know is refused, with the nearest name that it knows. */
import { parseArgs } from "node:util";
import type { ArgsDef } from "citty";
import { nearest } from "../vocabulary/nearest.js";
import { UsageError } from "./exit.js";

/** Throws a UsageError for the first argument that does not fit the definition. citty alone lets all of them pass. */
export function checkArguments(args: readonly string[], definition: ArgsDef): void {
  const positionals = Object.keys(definition).filter((name) => definition[name]?.type === "positional");
  const options = Object.fromEntries(
    Object.entries(definition)
      .filter(([name]) => !positionals.includes(name))
      .map(([name, { type }]) => [name, { type: type === "boolean" ? ("boolean" as const) : ("string" as const) }]),
  );
  const { tokens, positionals: given } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) throw new UsageError(unknown("option", token.rawName, Object.keys(options), "--"));
    if (option.type === "boolean" && token.value !== undefined) {
      throw new UsageError(`The option ${token.rawName} takes no value.`);
    }
    if (option.type === "string" && (!token.value || (!token.inlineValue && token.value.startsWith("-")))) {
      throw new UsageError(`The option ${token.rawName} needs a value.`);
    }
  }
  const surplus = given[positionals.length];
  if (surplus !== undefined) throw new UsageError(`The argument "${surplus}" is one too many.`);
  const missing = positionals[given.length];
  if (missing !== undefined && definition[missing]?.required === true)
    throw new UsageError(`The argument <${missing}> is missing.`);
}

/** Says that there is no such command or option, and which was probably meant. */
export function unknown(kind: string, name: string, known: readonly string[], prefix = ""): string {
  const near = nearest(name.replace(/^-+/, ""), known);
  const help =
    near === undefined
      ? `Known ${kind}s: ${known.map((each) => prefix + each).join(", ")}.`
      : `Did you mean "${prefix}${near}"?`;
  return `There is no ${kind} "${name}". ${help}`;
}
