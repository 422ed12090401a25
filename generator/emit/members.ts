/** The members of the interfaces that emitted files declare. */
import { group, indent, layOut, softline } from "../print/layout.js";

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
