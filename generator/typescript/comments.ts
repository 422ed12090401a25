/** Finds doc comments in source text. */
import type { ts } from "ts-morph";
import { compiler } from "./compiler.js";

/** The text of the doc comment right before a node, without its stars; also one on the line of the brace before it. */
export function docsAt(node: ts.Node, file: ts.SourceFile): string | undefined {
  const text = file.text;
  const start = node.getFullStart();
  const ranges = [
    ...(compiler.getTrailingCommentRanges(text, start) ?? []),
    ...(compiler.getLeadingCommentRanges(text, start) ?? []),
  ];
  const comment = ranges
    .map(({ pos, end }) => text.slice(pos, end))
    .findLast((candidate) => candidate.startsWith("/**") && candidate !== "/**/");
  return comment === undefined ? undefined : commentText(comment);
}

/** What a doc comment says, without its stars and the indentation of its place. */
function commentText(comment: string): string | undefined {
  const lines = comment
    .slice(3, -2)
    .split(/\r\n|\r|\n/)
    .map((line, index) => (index === 0 ? line.trim() : line.replace(/^\s*\*? ?/, "").trimEnd()));
  while (lines[0] === "") lines.shift();
  while (lines.at(-1) === "") lines.pop();
  return lines.length === 0 ? undefined : lines.join("\n");
}

/** What the doc comment of a symbol says, with its tags. The checker itself loses one on the line of a brace. */
export function commentOf({ valueDeclaration }: ts.Symbol): string | undefined {
  return valueDeclaration === undefined ? undefined : docsAt(valueDeclaration, valueDeclaration.getSourceFile());
}
