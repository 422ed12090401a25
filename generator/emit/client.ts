/** Emits `client.ts`: the producer's client of all actors. */
import type { Group, Model } from "../model.js";
import { group as groupDoc, ifBroken, indent, join, layOut, line, softline, type Doc } from "../print/layout.js";
import { header, type Output } from "./header.js";
import { localNames } from "./imports.js";
import { braces, groupsDoc, memberLine } from "./members.js";

const own = ["Broker", "Client", "ClientOptions", "GroupClient", "broker", "create", "createClient", "options"];

/** The file that a producer imports. */
export function emitClient({ groups }: Model, contracts: string): Output {
  const locals = localNames(groups, own);
  const local = (group: Group) => locals.get(group) ?? group.name;
  const lines = [
    header(contracts),
    layOut(["import ", braces(importNames(groups)), ' from "callboard/client";']),
    ...groups.map((group) => `import * as ${local(group)} from "./actors/${group.stem}.js";`),
    "",
    ...groups.map((group) => `export * as ${group.name} from "./actors/${group.stem}.js";`),
    ...(groups.length === 0 ? [] : [""]),
    "/** Sends messages to the actors of every contract file. */",
    ...interfaceLines(groups, local),
    "",
    "/** Binds the client to a broker. The broker connects at the first message. */",
    "export function createClient(broker: Broker, options?: ClientOptions): Client {",
    layOut(indent("  return ", callDoc("create", ["broker", groupsDoc(groups, local), "options"]), ";")),
    "}",
  ];
  return { path: "client.ts", text: `${lines.join("\n")}\n` };
}

function importNames(groups: readonly Group[]): readonly string[] {
  const names = ["type Broker", "type ClientOptions", "createClient as create"];
  return groups.length === 0 ? names : [...names, "type GroupClient"];
}

/** The actors and their comments are told by their own declarations. */
function interfaceLines(groups: readonly Group[], local: (group: Group) => string): readonly string[] {
  if (groups.length === 0) return ["export interface Client {}"];
  return [
    "export interface Client {",
    ...groups.flatMap((group) => [
      `  /** The actors of ${group.file}. */`,
      memberLine(2, group.name, "GroupClient", local(group)),
    ]),
    "}",
  ];
}

function callDoc(name: string, args: readonly Doc[]): Doc {
  return groupDoc(name, "(", indent(softline, join([",", line], args)), ifBroken(","), softline, ")");
}
