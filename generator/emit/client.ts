/** Emits `client.ts`: the producer's client of all actors. */
import type { Group, Model } from "../model.js";
import { docComment } from "../print/comments.js";
import { group as groupDoc, ifBroken, indent, join, layOut, line, softline, type Doc } from "../print/layout.js";
import { header, type Output } from "./header.js";
import { localNames } from "./imports.js";
import { memberLine } from "./members.js";

const own = [
  "ActorClient",
  "Broker",
  "Client",
  "ClientOptions",
  "broker",
  "createActorClient",
  "createClient",
  "options",
];

/** The file that a producer imports. */
export function emitClient({ groups }: Model, contracts: string): Output {
  const locals = localNames(groups, own);
  const local = (group: Group) => locals.get(group) ?? group.name;
  const lines = [
    header(contracts),
    'import { type ActorClient, type Broker, type ClientOptions, createActorClient } from "callboard/client";',
    ...groups.map((group) => `import * as ${local(group)} from "./actors/${group.stem}.js";`),
    "",
    ...groups.map((group) => `export * as ${group.name} from "./actors/${group.stem}.js";`),
    ...(groups.length === 0 ? [] : [""]),
    "/** Sends messages to the actors of every contract file. */",
    "export interface Client {",
    ...groups.flatMap((group) => interfaceLines(group, local(group))),
    "}",
    "",
    "/** Binds the client to a broker. The broker connects at the first message. */",
    "export function createClient(broker: Broker, options?: ClientOptions): Client {",
    "  return {",
    ...groups.flatMap((group) => factoryLines(group, local(group))),
    "  };",
    "}",
  ];
  return { path: "client.ts", text: `${lines.join("\n")}\n` };
}

function interfaceLines({ name, file, actors }: Group, local: string): readonly string[] {
  return [
    `  /** The actors of ${file}. */`,
    `  readonly ${name}: {`,
    ...actors.flatMap((actor) => [
      ...docComment(actor.docs, 4).map((text) => `    ${text}`),
      memberLine(4, actor.name, "ActorClient", `${local}.${actor.name}`),
    ]),
    "  };",
  ];
}

function factoryLines({ name, actors }: Group, local: string): readonly string[] {
  return [
    `    ${name}: {`,
    ...actors.map((actor) => {
      const call = callDoc("createActorClient", ["broker", `${local}.${actor.name}`, "options"]);
      return layOut(indent(indent(indent("      ", actor.name, ": ", call, ","))));
    }),
    "    },",
  ];
}

function callDoc(name: string, args: readonly Doc[]): Doc {
  return groupDoc(name, "(", indent(softline, join([",", line], args)), ifBroken(","), softline, ")");
}
