/** Emits `actors/<file>.ts`: one constant for each actor of a contract file, with its types. */
import type { ActorModel, Group } from "../model.js";
import { specifierTo } from "../paths.js";
import { docComment } from "../print/comments.js";
import { group, hardline, ifBroken, indent, join, layOut, line, type Doc } from "../print/layout.js";
import { freeName, quote } from "../print/names.js";
import { printFlat, typeDoc } from "../print/types.js";
import { header, type Output } from "./header.js";
import { NamedTypes } from "./named-types.js";

/** The file of a group's actors. */
export function emitActors({ file, stem, actors }: Group): Output {
  const path = `actors/${stem}.ts`;
  const names = new Set(actors.map(({ name }) => name));
  const imported = (name: string) => {
    const local = freeName(name, names);
    return { local, clause: local === name ? name : `${name} as ${local}` };
  };
  const [actorType, define, contracts] = [imported("Actor"), imported("defineActor"), imported("contracts")];
  const types = new NamedTypes(new Set([...names, actorType.local, define.local, contracts.local]));
  const constants = actors.map((actor) =>
    actorDoc(actor, types, { actorType: actorType.local, define: define.local, contracts: contracts.local }),
  );
  const lines = [
    header(file),
    `import { type ${actorType.clause}, ${define.clause} } from "callboard/client";`,
    `import * as ${contracts.local} from ${quote(specifierTo(path, `contracts/${stem}.js`))};`,
    ...types.declarations.flatMap((declaration) => ["", declaration]),
    ...constants.flatMap((constant) => ["", constant]),
  ];
  return { path, text: `${lines.join("\n")}\n` };
}

interface Locals {
  readonly actorType: string;
  readonly define: string;
  readonly contracts: string;
}

function actorDoc(actor: ActorModel, types: NamedTypes, { actorType, define, contracts }: Locals): string {
  const { name, input, received, output, returned } = actor;
  const members = [
    { key: "input", side: input, option: "input", parsed: false },
    { key: "output", side: output, option: "output", parsed: true },
    { key: "received", side: received, option: "input", parsed: true, like: input },
    { key: "returned", side: returned, option: "output", parsed: false, like: output },
  ].flatMap(({ key, side, option, parsed, like }) => {
    if (side === undefined) return [];
    const base = `${name} ${option}`;
    const references = types.name(side, { base, parsed });
    const isSame =
      like !== undefined &&
      printFlat(side.shape, references) === printFlat(like.shape, types.name(like, { base, parsed: !parsed }));
    return isSame ? [] : [[key, ": ", typeDoc(side.shape, references)]];
  });
  const identity = [
    `name: ${quote(actor.wireName)}`,
    `fingerprint: ${quote(actor.fingerprint)}`,
    ...(actor.taggedInput ? ["taggedInput: true"] : []),
    ...(actor.taggedOutput ? ["taggedOutput: true"] : []),
  ];
  const declaration: Doc = [
    ...docComment(actor.docs).flatMap((text) => [text, hardline]),
    `export const ${name}: ${actorType}<{`,
    indent(members.map((member) => [hardline, member, ";"])),
    hardline,
    `}> = /* @__PURE__ */ ${define}(${contracts}.${name}, `,
    group("{", indent(line, join([",", line], identity)), ifBroken(","), line, "}"),
    ");",
  ];
  return layOut(declaration);
}
