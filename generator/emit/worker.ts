/** Emits `worker.ts`: the types of all handlers, and the function that makes a worker of them. */
import type { Group, Model } from "../model.js";
import { byCodeUnit } from "../problems.js";
import { docComment } from "../print/comments.js";
import { group as groupDoc, ifBroken, indent, join, layOut, line, softline, type Doc } from "../print/layout.js";
import { freeName, pascalCase, propertyName, quote } from "../print/names.js";
import { header, type Output } from "./header.js";
import { localNames } from "./imports.js";
import { braces, groupsDoc, memberLine } from "./members.js";

const own = [
  "Broker",
  "Handler",
  "HandlersOf",
  "KnownQueue",
  "QueueHandlers",
  "Worker",
  "WorkerOptions",
  "actors",
  "broker",
  "create",
  "createWorker",
  "handlers",
  "options",
];

/** The name of the interface that holds the handlers of each group: `PaymentsHandlers`. */
export function handlersTypes(groups: readonly Group[]): ReadonlyMap<Group, string> {
  const taken = new Set(own);
  const names = new Map<Group, string>();
  for (const group of groups) {
    const name = freeName(`${pascalCase(group.name)}Handlers`, taken);
    taken.add(name);
    names.set(group, name);
  }
  return names;
}

/** The file that a worker imports. */
export function emitWorker(model: Model, contracts: string): Output {
  const { groups } = model;
  const locals = localNames(groups, own);
  const types = handlersTypes(groups);
  const local = (group: Group) => locals.get(group) ?? group.name;
  const type = (group: Group) => types.get(group) ?? group.name;
  const lines = [
    header(contracts),
    importLine(),
    ...groups.map((group) => `import * as ${local(group)} from "./actors/${group.stem}.js";`),
    ...groups.flatMap((group) => ["", ...handlersLines(group, local(group), type(group))]),
    "",
    ...queueLines(groups, type),
    "",
    layOut(["const actors = ", groupsDoc(groups, local), ";"]),
    "",
    "/** Creates a worker of all queues, or of those that `queues` names: then only their handlers are required. */",
    "export function createWorker<const Q extends string = keyof QueueHandlers>(",
    "  broker: Broker,",
    "  handlers: HandlersOf<QueueHandlers, Q>,",
    "  options?: WorkerOptions<KnownQueue<QueueHandlers, Q>>,",
    "): Worker {",
    "  return create(broker, actors, handlers, options);",
    "}",
  ];
  return { path: "worker.ts", text: `${lines.join("\n")}\n` };
}

function importLine(): string {
  const names = [
    "type Broker",
    "createWorker as create",
    "type Handler",
    "type HandlersOf",
    "type KnownQueue",
    "type Worker",
    "type WorkerOptions",
  ];
  return layOut(["import ", braces(names), ' from "callboard/worker";']);
}

function handlersLines({ file, actors }: Group, local: string, type: string): readonly string[] {
  return [
    `/** The handlers of ${file}. */`,
    `export interface ${type} {`,
    ...actors.flatMap((actor) => [
      ...docComment(actor.docs, 2).map((text) => `  ${text}`),
      memberLine(2, actor.name, "Handler", `${local}.${actor.name}`),
    ]),
    "}",
  ];
}

/** `Pick<PaymentsHandlers, "charge">` for each group that has actors in a queue. */
function queueLines(groups: readonly Group[], type: (group: Group) => string): readonly string[] {
  const queues = new Set(groups.flatMap(({ actors }) => actors.map(({ options }) => options.queue)));
  const members = [...queues].sort(byCodeUnit).map((queue): Doc => {
    const picks = groups.flatMap((group) => {
      const names = group.actors.filter(({ options }) => options.queue === queue).map(({ name }) => name);
      if (names.length === 0) return [];
      const isWhole = names.length === group.actors.length;
      return [[`readonly ${group.name}: `, isWhole ? type(group) : pickDoc(type(group), names)]];
    });
    return [
      `  readonly ${propertyName(queue)}: `,
      indent(groupDoc("{", indent(line, join([";", line], picks)), ifBroken(";"), line, "}")),
      ";",
    ];
  });
  return [
    "/** Which handlers each queue needs. */",
    members.length === 0 ? "export interface QueueHandlers {}" : "export interface QueueHandlers {",
    ...members.map((member) => layOut(member)),
    ...(members.length === 0 ? [] : ["}"]),
  ];
}

function pickDoc(type: string, names: readonly string[]): Doc {
  const keys = names.map(quote);
  const union: Doc = groupDoc(ifBroken("| "), join([line, "| "], keys));
  return groupDoc("Pick<", indent(softline, type, ",", line, union), softline, ">");
}
