/** What emitted files list: the members of their interfaces, and the groups. */
import type { Group } from "../model.js";
import { group, ifBroken, indent, join, layOut, line, softline, type Doc } from "../print/layout.js";

/** `readonly charge: Handler<typeof payments.charge>;` at an indentation. */
export function memberLine(indentation: number, name: string, type: string, constant: string): string {
  const spaces = " ".repeat(indentation);
  const text = layOut([
    spaces,
    `readonly ${name}: `,
    group(type, "<", indent(softline, `typeof ${constant}`), softline, ">"),
    ";",
  ]);
  return text.replaceAll("\n", `\n${spaces}`);
}

/** `{ payments, default: default_ }`: the groups by their names. `local` is what the file calls them. */
export function groupsDoc(groups: readonly Group[], local: (group: Group) => string): Doc {
  const members = groups.map((group) => (local(group) === group.name ? group.name : `${group.name}: ${local(group)}`));
  return members.length === 0 ? "{}" : braces(members);
}

/** `{ a, b }`, on one line or on many. */
export function braces(members: readonly Doc[]): Doc {
  return group("{", indent(line, join([",", line], members)), ifBroken(","), line, "}");
}
