/** Brings together what the command and its processes print, so that each line tells whose it is. */
import type { ChildProcess } from "node:child_process";
import { pino } from "pino";
import { createReadable } from "../worker/log-lines.js";
import { serializers, type Logger } from "../worker/logger.js";
import { outColors } from "./colors.js";

/** Where the command and its processes print. */
export interface Output {
  /** Where the command logs what it does with its processes. */
  readonly log: Logger;
  /** What a process is given for its standard output and error. */
  readonly stdio: "inherit" | "pipe";
  /** Prints what a process prints, line by line, marked with its number. */
  attach(number: number, child: ChildProcess): void;
}

/** Opens the output of some processes. One alone has standard output for itself. */
export function openOutput(processes: number, level: string): Output {
  const readable = process.stdout.isTTY ? createReadable() : undefined;
  const print = (line: string) => process.stdout.write(readable?.(line) ?? line);
  const mark = (number: number, line: string) => {
    if (!isJson(line)) return `${outColors.cyan(`${number} |`)} ${line}\n`;
    if (readable === undefined) return `{"process":${number},${line.slice(1)}\n`;
    return readable(line).replace(/^(?=.)/gm, outColors.cyan(`${number} | `));
  };
  return {
    log: pino({ name: "callboard", level, serializers }, { write: print }),
    stdio: processes === 1 ? "inherit" : "pipe",
    attach(number, child) {
      eachLine(child.stdout, (line) => process.stdout.write(mark(number, line)));
      eachLine(child.stderr, (line) => process.stderr.write(mark(number, line)));
    },
  };
}

/** Whether a line is what a structured logger writes. */
function isJson(line: string): boolean {
  return line.startsWith('{"') && line.endsWith("}");
}

function eachLine(stream: ChildProcess["stdout"], tell: (line: string) => void): void {
  let rest = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) tell(line);
  });
  // A process that was killed may leave half a line.
  stream?.once("end", () => {
    if (rest !== "") tell(rest);
  });
}
