/** What a scenario comes to: what became of each accepted message, and how long recovery took. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Ledger } from "./ledger.js";

/** The outcome of one scenario on one broker. Messages are named by their ids. */
export interface Verdict {
  readonly scenario: number;
  readonly title: string;
  readonly broker: string;
  readonly accepted: number;
  /** Accepted, never finished, not dead-lettered and no longer in the broker. */
  readonly lost: readonly string[];
  /** Still in the broker when everything should be over. */
  readonly stuck: readonly string[];
  /** Finished more than once, which is allowed: at least once is what is promised. */
  readonly duplicated: readonly string[];
  readonly deadLettered: readonly string[];
  /** Accepted from a sender who waits for the answer, finished, and not answered rightly. */
  readonly unanswered: readonly string[];
  /** How long each recovery took, in milliseconds. */
  readonly recovery: readonly number[];
  /** What was seen besides, for people. */
  readonly remarks: readonly string[];
}

/** Draws the verdict from the books and from what is left in the broker. */
export function judge(
  ledger: Ledger,
  left: readonly string[],
  dead: readonly string[],
): Pick<Verdict, "accepted" | "lost" | "stuck" | "duplicated" | "deadLettered" | "unanswered"> {
  ledger.read();
  const accepted = ledger.of("accepted");
  const ended = ledger.of("ended");
  const answered = ledger.of("answered");
  const [leftHere, deadHere] = [new Set(left), new Set(dead)];
  const ids = [...accepted.keys()];
  return {
    accepted: accepted.size,
    lost: ids.filter((id) => !ended.has(id) && !deadHere.has(id) && !leftHere.has(id)),
    stuck: left,
    duplicated: [...ended].flatMap(([id, notes]) => (notes.length > 1 ? [id] : [])),
    deadLettered: dead,
    unanswered: [...ledger.of("unanswered").keys()].filter((id) => !deadHere.has(id) && !answered.has(id)),
  };
}

const FOLDER = "node_modules/.cache/callboard/verdicts";
const DIRECTORY = fileURLToPath(new URL(`../../${FOLDER}/`, import.meta.url));

/** Forgets what earlier runs said of a broker. */
export function clearVerdicts(broker: string): void {
  for (const name of keptFiles()) if (name.endsWith(`-${broker}.json`)) rmSync(join(DIRECTORY, name));
}

/** Keeps a verdict for the table at the end of the run. */
export function keepVerdict(verdict: Verdict): void {
  const { scenario, title, broker } = verdict;
  mkdirSync(DIRECTORY, { recursive: true });
  const name = `${String(scenario).padStart(2, "0")}-${title.replace(/\W+/g, "-")}-${broker}.json`;
  writeFileSync(join(DIRECTORY, name), `${JSON.stringify(verdict, undefined, 2)}\n`);
}

/** The verdicts that were kept since a time as a table in Markdown; nothing where there are none. */
export function verdictTable(since: number): string {
  const names = keptFiles().filter((name) => statSync(join(DIRECTORY, name)).mtimeMs >= since);
  if (names.length === 0) return "";
  const verdicts = names.map((name) => JSON.parse(readFileSync(join(DIRECTORY, name), "utf8")) as Verdict);
  const header = ["", "scenario", "broker", "sent", "lost", "stuck", "twice", "dead", "recovered in (median, longest)"];
  const rows = [header, header.map(() => "---"), ...verdicts.map(cells)];
  const table = rows.map((row) => `| ${row.join(" | ")} |\n`).join("");
  return `\n${table}\nAs JSON, with the ids: ${FOLDER}\n`;
}

function keptFiles(): readonly string[] {
  return existsSync(DIRECTORY) ? readdirSync(DIRECTORY).sort() : [];
}

function cells({ scenario, title, broker, recovery, ...rest }: Verdict): readonly string[] {
  const counts = [rest.lost, rest.stuck, rest.duplicated, rest.deadLettered].map((ids) => String(ids.length));
  const sorted = recovery.toSorted((a, b) => a - b);
  const [median, longest] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  const times = median === undefined || longest === undefined ? "" : `${seconds(median)}, ${seconds(longest)}`;
  return [String(scenario), title, broker, String(rest.accepted), ...counts, times];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
