/** Runs programs as a person would, in a test: their output, their exit code, and signals while they run. */
import { spawn } from "node:child_process";
import { onTestFinished } from "vitest";

/** How a program is run. */
export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a program ended. */
export interface Ended {
  /** `null` where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs. It is killed when its test ends. */
export interface RunningCommand {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** What it has printed so far, on standard output and then on standard error. */
  readonly output: string;
  /** Resolves when the text was printed; rejects when the program ends without. */
  printed(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** What vitest or a CI machine sets is not what a person's shell has: it changes colours and loads other code. */
const unset = ["CI", "FORCE_COLOR", "NO_COLOR", "NODE_ENV", "NODE_OPTIONS", "TEST", "VITEST"];
const plainShell = Object.fromEntries(unset.map((name) => [name, undefined]));

/** Starts a program. */
export function startCommand(command: string, args: readonly string[], options: CommandOptions): RunningCommand {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...plainShell, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));

  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });

  return {
    pid: child.pid ?? 0,
    ended,
    get output() {
      return stdout + stderr;
    },
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = () => (stdout + stderr).includes(text) && resolve();
        child.stdout.on("data", look);
        child.stderr.on("data", look);
        void ended.then(({ code }) => {
          const output = `${stdout}\n${stderr}`;
          reject(new Error(`${command} ended with code ${code} and did not print "${text}".\n${output}`));
        }, reject);
        look();
      }),
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs a program to its end. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<Ended> {
  return startCommand(command, args, options).ended;
}
