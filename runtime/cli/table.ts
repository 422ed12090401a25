/** Tables and the words in them, for people. cli-table3 does what is hard about them: the width of every character. */
import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";
import ms from "ms";
import { outColors } from "./colors.js";

/** A column: its head, and whether its values are numbers. */
export interface Column {
  readonly head: string;
  readonly numbers?: boolean;
  /** On a terminal that is too narrow it is left out where it has nothing to tell. */
  readonly spare?: boolean;
}

/** What a cell shows: `undefined` for what cannot be told, `null` for what is not there. */
export type Cell = string | number | null | undefined;

/** No lines, as `docker ps` and `kubectl get` print: what is printed is easy to cut and to paste. */
const NO_LINES = Object.fromEntries(
  [
    ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
    ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid"],
  ].map((name) => [name, ""]),
);

/** A table, without an end of line. On a terminal that is too narrow, spare columns go until it fits. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const whole = print(columns, rows);
  if (fits(whole)) return whole;
  const idle = columns.findIndex(({ spare = false }, at) => spare && !rows.some((row) => isTelling(row[at])));
  if (idle === -1) return whole;
  return table(
    columns.toSpliced(idle, 1),
    rows.map((row) => row.toSpliced(idle, 1)),
  );
}

/** Whether a text fits the terminal; elsewhere every text does. */
export function fits(text: string): boolean {
  // Some terminals say that they have none.
  const width = process.stdout.columns || Infinity;
  return text.split("\n").every((line) => stripVTControlCharacters(line).length <= width);
}

function isTelling(cell: Cell): boolean {
  return cell !== undefined && cell !== null && cell !== "" && cell !== 0;
}

function print(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const made = new Table({
    head: columns.map(({ head }) => (head === "" ? "" : outColors.bold(head))),
    colAligns: columns.map(({ numbers = false }) => (numbers ? "right" : "left")),
    chars: { ...NO_LINES, middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  made.push(...rows.map((row) => row.map(shown)));
  return made
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

function shown(cell: Cell): string {
  if (cell === undefined) return "?";
  return cell === null ? "-" : String(cell);
}

/** A length of time for people: `3m`. */
export function age(milliseconds: number | null | undefined): Cell {
  return milliseconds === null || milliseconds === undefined ? milliseconds : ms(Math.max(0, Math.round(milliseconds)));
}

/** `1 queue`, `2 queues`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

/** A name and its value. */
export type Fact = readonly [name: string, value: string | number];

/** What is known of one thing, a fact on each line, without an end of line. */
export function facts(known: readonly Fact[]): string {
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${outColors.bold(name.padEnd(width))}  ${value}`).join("\n");
}
