/**
 * Emits `actors/<file>.js`: one constant for each actor of a contract file, and `actors/<file>.d.ts` with their types.
 * They are no TypeScript, so that the compiler of those who import them has their types to read and nothing to check.
 */
import type { ActorModel, Group } from "../model.js";
import { specifierTo } from "../paths.js";
import { docComment } from "../print/comments.js";
import { hardline, indent, join, layOut, PRINT_WIDTH, type Doc } from "../print/layout.js";
import { freeName, quote } from "../print/names.js";
import { printFlat, typeDoc } from "../print/types.js";
import { header, type Output } from "./header.js";
import { braces } from "./members.js";
import { NamedTypes } from "./named-types.js";

/** The files of a group's actors. */
export function emitActors({ file, stem, actors }: Group): readonly Output[] {
  const names = new Set(actors.map(({ name }) => name));
  const path = `actors/${stem}`;
  const lines = { types: typeLines(actors, names), values: valueLines(actors, names, path, stem) };
  return [
    { path: `${path}.d.ts`, text: `${[header(file), ...lines.types].join("\n")}\n` },
    { path: `${path}.js`, text: `${[header(file), ...lines.values].join("\n")}\n` },
  ];
}

/** What a file imports, by a name that none of its actors has. */
function imported(name: string, actors: ReadonlySet<string>) {
  const local = freeName(name, actors);
  return { local, clause: local === name ? name : `${name} as ${local}` };
}

function typeLines(actors: readonly ActorModel[], names: ReadonlySet<string>): readonly string[] {
  const actorType = imported("Actor", names);
  const types = new NamedTypes(new Set([...names, actorType.local]));
  const constants = actors.map((actor) => typeOf(actor, types, actorType.local));
  return [
    `import type { ${actorType.clause} } from "callboard/client";`,
    ...[...types.declarations, ...constants].flatMap((declaration) => ["", declaration]),
  ];
}

function valueLines(
  actors: readonly ActorModel[],
  names: ReadonlySet<string>,
  path: string,
  stem: string,
): readonly string[] {
  const [define, contracts] = [imported("defineActor", names), imported("contracts", names)];
  return [
    `import { ${define.clause} } from "callboard/client";`,
    `import * as ${contracts.local} from ${quote(specifierTo(path, `contracts/${stem}.js`))};`,
    ...actors.flatMap((actor) => ["", valueOf(actor, define.local, contracts.local)]),
  ];
}

/** `export declare const processPayment: Actor<{ … }>;` */
function typeOf(actor: ActorModel, types: NamedTypes, actorType: string) {
  const { name, docs, input, received, output, returned, progress, reported, tracked } = actor;
  const members: Doc[] = [
    { key: "input", side: input, option: "input", parsed: false },
    { key: "output", side: output, option: "output", parsed: true },
    { key: "received", side: received, option: "input", parsed: true, like: input },
    { key: "returned", side: returned, option: "output", parsed: false, like: output },
    { key: "progress", side: progress, option: "progress", parsed: true },
    { key: "reported", side: reported, option: "progress", parsed: false, like: progress },
  ].flatMap(({ key, side, option, parsed, like }) => {
    if (side === undefined) return [];
    const base = `${name} ${option}`;
    const references = types.name(side, { base, parsed });
    const isSame =
      like !== undefined &&
      printFlat(side.shape, references) === printFlat(like.shape, types.name(like, { base, parsed: !parsed }));
    return isSame ? [] : [[key, ": ", typeDoc(side.shape, references)]];
  });
  if (tracked) members.push("tracked: true");
  const declaration: Doc = [
    ...docComment(docs).flatMap((text) => [text, hardline]),
    `export declare const ${name}: ${actorType}<{`,
    indent(members.map((member) => [hardline, member, ";"])),
    hardline,
    "}>;",
  ];
  return layOut(declaration);
}

/** `export const processPayment = defineActor(contracts.processPayment, { … });` */
function valueOf(actor: ActorModel, define: string, contracts: string): string {
  const identity = [
    `name: ${quote(actor.wireName)}`,
    `fingerprint: ${quote(actor.fingerprint)}`,
    ...(actor.taggedInput ? ["taggedInput: true"] : []),
    ...(actor.taggedOutput ? ["taggedOutput: true"] : []),
    ...(actor.taggedProgress ? ["taggedProgress: true"] : []),
  ];
  const head = `export const ${actor.name} = /* @__PURE__ */ ${define}(`;
  const contract = `${contracts}.${actor.name}`;
  const args = [contract, braces(identity)];
  // As prettier does: the object stays on the line of the other argument wherever its brace has room there.
  const isHugged = `${head}${contract}, {`.length <= PRINT_WIDTH;
  const list = isHugged ? join(", ", args) : [indent(hardline, join([",", hardline], args)), ",", hardline];
  return layOut([head, list, ");"]);
}
