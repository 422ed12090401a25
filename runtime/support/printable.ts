/** Texts that somebody else wrote, made fit for a terminal: nothing in them moves the cursor or changes colours. */
import { stripVTControlCharacters } from "node:util";

/** The first line of a text, of at most so many characters. */
export function oneLine(text: string, longest = Infinity): string {
  const [first = ""] = stripVTControlCharacters(text).split("\n", 1);
  const plain = first.replaceAll(/\p{Cc}/gu, " ").trim();
  return plain.length <= longest ? plain : `${plain.slice(0, longest - 1)}…`;
}

/** A text of several lines, each with its indent and of at most so many characters. */
export function lines(text: string, longest = Infinity): string {
  return text
    .split("\n")
    .map((line) => oneLine(`|${line}`, longest + 1).slice(1))
    .join("\n");
}
