/** The results as text for a terminal. */
import colors from "picocolors";
import type { Judgement } from "../bars.js";
import { ratio, type Measured, type Results } from "../results.js";
import { show, times } from "./figures.js";

/** Everything that a run found, and at the end the bars. */
export function report(results: Results, judgements: readonly Judgement[]): string {
  return [...groupsOf(results.rows), barTable(judgements), heading(results)].join("\n\n");
}

/** What the figures were made on, in a few lines. */
export function heading({ date, machine, settings, seconds }: Results): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${date}, commit ${machine.commit}, ${Math.round(seconds)} s`,
    `${machine.cpu}, ${machine.memory}, ${machine.system}`,
    versions.join(", "),
    ...settings,
  ].join("\n");
}

function groupsOf(measured: readonly Measured[]): readonly string[] {
  const groups = new Map<string, readonly Measured[]>();
  for (const row of measured) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return [...groups].map(([group, rows]) => `${colors.bold(group)}\n${rows.map(rowTable).join("\n")}`);
}

/** Each contender with its medians, the spread of the first measure, and the first contender as a multiple of it. */
function rowTable(row: Measured): string {
  const [first] = row.standings;
  const measures = Object.entries(row.measures);
  const lines = row.standings.map(({ contender, figures, error }) => {
    const cells = measures.flatMap(([measure, unit], i) => {
      const figure = figures[measure];
      if (figure === undefined) return ["–", "", ""];
      const spread = i > 0 || figure.runs.length < 2 ? "" : `${show(figure.min, unit)} to ${show(figure.max, unit)}`;
      const compared =
        first === undefined || first.contender === contender
          ? undefined
          : ratio(row, measure, first.contender, contender);
      return [show(figure.median, unit), spread, compared === undefined ? "" : times(compared)];
    });
    return { cells: [`    ${contender}`, ...cells], error };
  });
  const headings = measures.flatMap(([measure], i) => [measure, i === 0 ? "min to max" : "", "first is"]);
  const text = align([[`  ${row.title}`, ...headings], ...lines.map(({ cells }) => cells)]);
  const [title = "", ...rest] = text.split("\n");
  const failed = lines.flatMap(({ cells, error }) => (error === undefined ? [] : [`   ${cells[0]} failed: ${error}`]));
  return [colors.dim(title), ...rest, ...failed.map((line) => colors.red(line))].join("\n");
}

function barTable(judgements: readonly Judgement[]): string {
  const judged = judgements.filter(({ verdict }) => verdict !== "not measured");
  const others = judgements.length - judged.length;
  const lines = judged.map(({ sentence, asked, measured = "", verdict }) => [
    `  ${sentence}`,
    asked,
    measured,
    verdict,
  ]);
  const aligned = align([["  bar", "asked", "measured", ""], ...lines]).split("\n");
  const painted = aligned.slice(1).map((line, i) => (judged[i]?.verdict === "met" ? colors.green : colors.red)(line));
  const head = judged.length === 0 ? [] : [colors.dim(aligned[0] ?? "")];
  const rest = others === 0 ? [] : [colors.dim(`  ${others} bars are of rows that were not measured`)];
  return [colors.bold("Bars"), ...head, ...painted, ...rest].join("\n");
}

/** Columns one under the other: the first to the left, the others to the right. Empty ones take no room. */
function align(lines: readonly (readonly string[])[]): string {
  const columns = Math.max(...lines.map((line) => line.length));
  const widthOf = (column: number, from: number) =>
    Math.max(...lines.slice(from).map((line) => line[column]?.length ?? 0));
  const widths = Array.from({ length: columns }, (_, i) => (widthOf(i, 1) === 0 ? 0 : widthOf(i, 0)));
  return lines
    .map((line) =>
      line
        .flatMap((cell, i) => {
          const width = widths[i] ?? 0;
          return width === 0 ? [] : [i === 0 ? cell.padEnd(width) : cell.padStart(width)];
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
