/** The results as the tables of bench/README.md, between comments that mark their places. */
import type { Judgement } from "../bars.js";
import { ratio, type Measured, type Results } from "../results.js";
import { show, times } from "./figures.js";
import { heading } from "./table.js";

/** The page with its marked parts replaced. Throws where a mark is missing. */
export function fillIn(page: string, results: Results, judgements: readonly Judgement[]): string {
  const parts = { bars: bars(judgements), machine: machine(results), rows: rows(results.rows) };
  return Object.entries(parts).reduce((text, [name, part]) => {
    const marked = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
    if (!marked.test(text)) throw new Error(`The page has no place for ${name}: <!-- ${name} --> … <!-- /${name} -->`);
    return text.replace(marked, (_all, start: string, end: string) => `${start}${part}\n${end}`);
  }, page);
}

function bars(judgements: readonly Judgement[]): string {
  const lines = judgements.map(({ sentence, asked, measured = "–", verdict }) => [
    sentence,
    asked,
    measured,
    verdict === "missed" ? "**missed**" : verdict,
  ]);
  return table([["bar", "asked", "measured", ""], ...lines]);
}

function machine(results: Results): string {
  return heading(results)
    .split("\n")
    .map((line) => `- ${line}`)
    .join("\n");
}

function rows(measured: readonly Measured[]): string {
  const groups = new Map<string, readonly Measured[]>();
  for (const row of measured) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return [...groups].map(([group, all]) => [`### ${group}`, ...all.map(rowTable)].join("\n\n")).join("\n\n");
}

function rowTable(row: Measured): string {
  const [first] = row.standings;
  const measures = Object.entries(row.measures);
  const lines = row.standings.map(({ contender, figures, error }) => [
    contender,
    ...measures.map(([measure, unit]) => {
      const figure = figures[measure];
      if (figure === undefined) return error === undefined ? "–" : "failed";
      const compared =
        first === undefined || first.contender === contender
          ? undefined
          : ratio(row, measure, first.contender, contender);
      return `${show(figure.median, unit)}${compared === undefined ? "" : ` (${times(compared)})`}`;
    }),
  ]);
  return table([[row.title, ...measures.map(([measure]) => measure)], ...lines]);
}

function table([head = [], ...lines]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...lines.map(line)].join("\n");
}
