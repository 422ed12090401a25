/** Writes doc comments. */
import { PRINT_WIDTH } from "./layout.js";

/** The lines of a doc comment with this text; none where there is no text. */
export function docComment(text: string | undefined, indentation = 0): readonly string[] {
  if (text === undefined || text.trim() === "") return [];
  // A description from code may hold the end of a comment.
  const lines = text.replaceAll("*/", "*\\/").split("\n");
  const [first = ""] = lines;
  if (lines.length === 1 && indentation + first.length + 7 <= PRINT_WIDTH) return [`/** ${first} */`];
  return ["/**", ...lines.map((line) => (line === "" ? " *" : ` * ${line}`)), " */"];
}
