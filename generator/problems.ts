/** What can be wrong with contracts and folders: each kind has one code, a title and a fix. */
import { styleText } from "node:util";

/** Each code once. `docs/generator.md` documents them all. */
export const problemCodes = {
  CB1001: { title: "The contract does not compile", fix: "Correct the line that is shown." },
  CB1002: {
    title: "The contract throws when it is loaded",
    fix: "A contract file only declares. Move what it does (reading files, environment, connections) into a handler.",
  },
  CB1003: {
    title: "The contract does not finish loading",
    fix: "Look for an endless loop or an `await` at the top level that never resolves, and move it into a handler.",
  },
  CB1004: {
    title: "An exported actor is not there when the contract is loaded",
    fix: "Export what `actor()` returns, and do not assign anything else to it.",
  },
  CB1005: {
    title: "There is no contracts folder",
    fix: 'Create it, or name another one in package.json: { "callboard": { "contracts": "…" } }.',
  },
  CB1006: {
    title: "The contract is a link, or behind one",
    fix: "Put the file itself there, or move what is shared into a package that contracts import.",
  },
  CB2001: {
    title: "Two actors have one name",
    fix: "Give one of them another `name`. The name is what messages carry, so keep the name of the older one.",
  },
  CB2002: { title: "Two contract files make one group", fix: "Rename one of the files." },
  CB2003: {
    title: "One actor is exported twice from its file",
    fix: "Keep one of the exports: its name is part of the actor's name.",
  },
  CB2004: {
    title: "The export's name cannot be used in generated code",
    fix: "Export the actor under a name of its own that is no reserved word.",
  },
  CB2005: {
    title: "The file's name cannot be used in generated code",
    fix: "Rename the file: in camelCase its name must be an identifier, such as `userMail` of `user-mail.ts`.",
  },
  CB2006: {
    title: "Two actors disagree on a queue",
    fix: "Give all actors of a queue the same `partitions`, and no queue the name of a partition, such as `mails.0`.",
  },
  CB3001: { title: "There is no such option", fix: "Correct the option's name, or remove it." },
  CB3002: { title: "The option's value is wrong", fix: "Give it a value of the kind that is named." },
  CB3003: { title: "Two options are at odds", fix: "Change one of them." },
  CB4001: {
    title: "The schema cannot travel as JSON",
    fix: "Use what is named instead. docs/contracts.md says which types travel.",
  },
  CB4002: {
    title: "The type cannot be printed",
    fix: "Describe the value with zod schemas down to plain types, or pipe the transform into a schema: .pipe(z.object({ … })).",
  },
  CB5001: {
    title: "The folder does not look generated",
    fix: "Empty it yourself if nothing in it is needed, or name another folder for what is generated.",
  },
  CB5002: { title: "A file cannot be read or written", fix: "Check that the path exists and who may write to it." },
  CB5003: {
    title: "The configuration is wrong",
    fix: 'In package.json, "callboard" may hold "contracts", "generated" and "handlers": three different folders inside the project.',
  },
} as const satisfies Record<string, { readonly title: string; readonly fix: string }>;

/** The code of a kind of problem. */
export type ProblemCode = keyof typeof problemCodes;

/** A place in a file of the project. Lines and columns count from 1. */
export interface Place {
  /** Relative to the project, with forward slashes. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong, where it is, and what to do. */
export interface Problem extends Place {
  readonly code: ProblemCode;
  readonly message: string;
  readonly help: string;
  /** The line of the file that the place is in; empty where there is none. */
  readonly sourceLine: string;
}

/** A problem before its line has been read. */
export type ProblemInit = Omit<Problem, "help" | "sourceLine"> & { readonly help?: string };

/** Completes a problem with its line and the fix of its kind. */
export function createProblem(init: ProblemInit, text: string | undefined): Problem {
  const sourceLine = text?.split(/\r\n|\r|\n/)[init.line - 1] ?? "";
  return { help: problemCodes[init.code].fix, ...init, sourceLine };
}

/** The order in which problems are shown: by file, then by place. */
export function compareProblems(a: Problem, b: Problem): number {
  return byCodeUnit(a.file, b.file) || a.line - b.line || a.column - b.column || byCodeUnit(a.message, b.message);
}

/** Orders texts the same way on every machine, whatever its language. */
export function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** A problem for people: its place, its line with a caret, and what to do. */
export function formatProblem(problem: Problem, { color }: { readonly color: boolean }): string {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const { file, line, column, code, message, help, sourceLine } = problem;
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  const lines = [`${paint("cyan", place)} ${paint("red", "error")} ${paint("bold", code)}: ${message}`];
  if (sourceLine !== "") {
    const gutter = String(line);
    const indent = sourceLine.slice(0, column - 1).replace(/[^\t]/g, " ");
    lines.push(
      "",
      `  ${paint("dim", `${gutter} |`)} ${sourceLine}`,
      `  ${paint("dim", `${" ".repeat(gutter.length)} |`)} ${indent}${paint("red", "^")}`,
      "",
    );
  }
  lines.push(`  ${paint("green", "help")}: ${help}`);
  return lines.join("\n");
}
