/** The results as text for a terminal. */
import { ratio, type Measured } from "../results.js";
import { show, times } from "./figures.js";

/** One table for each group of rows. */
export function table(measured: readonly Measured[]): string {
  const groups = new Map<string, Measured[]>();
  for (const row of measured) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return [...groups].map(([group, rows]) => `${group}\n${rows.map(rowLines).join("\n")}`).join("\n\n");
}

/** Each contender with its medians; in brackets the first contender against it. */
function rowLines(row: Measured): string {
  const [first] = row.standings;
  const measures = Object.entries(row.measures);
  const lines = row.standings.map(({ contender, figures, error }) => {
    if (error !== undefined) return [contender, `failed: ${error.split("\n")[0]}`];
    const cells = measures.flatMap(([measure, unit], i) => {
      const figure = figures[measure];
      if (figure === undefined) return ["–", ""];
      const compared =
        first === undefined || contender === first.contender
          ? undefined
          : ratio(row, measure, first.contender, contender);
      const spread =
        figure.runs.length > 1 && i === 0 ? ` (${show(figure.min, unit)} to ${show(figure.max, unit)})` : "";
      return [show(figure.median, unit) + spread, compared === undefined ? "" : times(compared)];
    });
    return [contender, ...cells];
  });
  const heading = [`  ${row.title}`, ...measures.flatMap(([measure]) => [measure, ""])];
  return align([heading, ...lines.map(([name, ...cells]) => [`    ${name}`, ...cells])]);
}

/** Columns one under the other: the first to the left, all others to the right. */
export function align(lines: readonly (readonly string[])[]): string {
  const columns = Math.max(...lines.map((line) => line.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...lines.map((line) => (line.length === 2 && i === 1 ? 0 : (line[i]?.length ?? 0)))),
  );
  return lines
    .map((line) =>
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
