/** `callboard gen`: runs the generator and says what it did. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "citty";
import type { GeneratorConfig, Problem, Report } from "../../generator/index.js";
import { errorColors, outColors } from "./colors.js";
import { Failure, UsageError } from "./exit.js";
import { printJson } from "./json.js";

/** The subcommand. */
export const gen = defineCommand({
  meta: { name: "gen", description: "Writes typed clients, workers and stubs from the contracts" },
  args: {
    check: { type: "boolean", description: "Write nothing; name what is out of date, and exit with 1" },
    watch: { type: "boolean", description: "Go on, and generate again whenever a contract changes" },
    json: { type: "boolean", description: "Print the report as JSON, one object per line" },
    contracts: { type: "string", valueHint: "dir", description: "Where the contracts are (default: contracts)" },
    generated: { type: "string", valueHint: "dir", description: "Where generated code goes (default: generated)" },
    handlers: { type: "string", valueHint: "dir", description: "Where handlers are kept (default: handlers)" },
  },
  async run({ args: { check = false, watch = false, json = false, ...folders } }) {
    if (check && watch) throw new UsageError("Give --check or --watch, not both.");
    const generator = await import("../../generator/index.js");
    const config = configure(generator.readConfig(process.cwd()), folders);
    const explain = (problem: Problem) => generator.formatProblem(problem, { color: errorColors.isColorSupported });
    const print = (report: Report, milliseconds: number) =>
      json ? printReport(report, milliseconds) : printText(report, milliseconds, explain);

    // A folder that is not there cannot be watched; generating once says what to do.
    if (watch && existsSync(join(config.root, config.contracts))) {
      const watcher = await generator.watch(config, print);
      if (!json) console.log(outColors.dim(`watching ${config.contracts} (Ctrl+C ends it)`));
      await interruption();
      return watcher.close();
    }
    const started = performance.now();
    const report = await generator.generate({ ...config, check });
    print(report, performance.now() - started);
    const { problems, stale } = report;
    if (problems.length > 0) throw new Failure(`${count(problems.length, "problem")}; nothing was written.`);
    if (stale.length > 0) throw new Failure(`${count(stale.length, "file")} out of date: run \`callboard gen\`.`);
  },
});

/** The project's configuration with what the command line says otherwise. */
function configure(config: GeneratorConfig, folders: Folders): GeneratorConfig {
  return {
    root: config.root,
    contracts: folders.contracts ?? config.contracts,
    generated: folders.generated ?? config.generated,
    handlers: folders.handlers ?? config.handlers,
  };
}

interface Folders {
  readonly contracts?: string | undefined;
  readonly generated?: string | undefined;
  readonly handlers?: string | undefined;
}

function printReport(report: Report, milliseconds: number): void {
  printJson({ ...report, milliseconds: Math.round(milliseconds) });
}

function printText(report: Report, milliseconds: number, explain: (problem: Problem) => string): void {
  for (const problem of report.problems) console.error(`${explain(problem)}\n`);
  for (const { kind, path } of report.stale) console.error(`  ${errorColors.yellow(kind.padEnd(8))}  ${path}`);
  if (report.problems.length + report.stale.length > 0) return;
  for (const path of report.written) console.log(`  ${outColors.green("wrote")}    ${path}`);
  for (const path of report.removed) console.log(`  ${outColors.red("removed")}  ${path}`);
  for (const note of report.notes) console.log(`  ${outColors.cyan("note")}     ${note}`);
  console.log(`${summary(report)} ${outColors.dim(`(${Math.round(milliseconds)} ms)`)}`);
}

function summary({ actors, files, written, removed, unchanged }: Report): string {
  const changes = [
    written.length > 0 && `${count(written.length, "file")} written`,
    removed.length > 0 && `${removed.length} removed`,
    `${unchanged} unchanged`,
  ];
  return `${count(actors, "actor")} in ${count(files, "contract file")}: ${changes.filter(Boolean).join(", ")}`;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

/** Resolves when a person or a supervisor wants the command to end. */
function interruption(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
