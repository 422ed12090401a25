/** A server program that a test run starts for itself: on a free port, in a directory of its own, ended with the run. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** The environment variable that tells test processes where the servers of this run have their directories. */
const RUN_DIRECTORY = "CALLBOARD_TEST_RUN_DIRECTORY";
const PIDS = "pids";

/** How to start a program, and how to see that it is up. */
export interface ProgramOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly directory: string;
  /** Whether it answers. Asked again and again until it does. */
  readonly ready: () => Promise<boolean>;
  /** How long it may take to answer, in milliseconds. */
  readonly timeout: number;
}

/** A running program. */
export interface Program {
  readonly pid: number;
  /** Sends a signal and does not wait for what comes of it. */
  signal(signal: NodeJS.Signals): void;
  /** Ends it with a signal and waits until it is gone, if need be by SIGKILL. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** The ports among which programs are given theirs: systems take those of connections from higher ones. */
const PORTS = { first: 12_000, last: 31_999 };

/** A port of this machine that nobody listens on, and that no connection is given before a program has it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.first, PORTS.last + 1);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** What is asked of a server to see whether it is up. */
export interface Probe {
  readonly host?: string;
  /** What to say once connected. Without it, to be let in is enough. */
  readonly greeting?: string;
  /** What the answer has to look like. Without it, any will do. */
  readonly expected?: RegExp;
}

/** Whether a server accepts a connection on a port and, where it is greeted, answers. */
export function answers(port: number, { host = "127.0.0.1", greeting, expected }: Probe = {}): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => (greeting === undefined ? finish(true) : socket.write(greeting, "latin1")));
    socket.once("data", (data) => finish(expected?.test(data.toString("latin1")) ?? true));
    socket.once("error", () => finish(false));
    socket.once("close", () => finish(false));
    socket.setTimeout(1000, () => finish(false));
  });
}

/** A test run: what is started during it, here and in test processes, belongs to it. */
export interface Run {
  /** Ends every program that is still there, and removes the directories of all. */
  close(): Promise<void>;
}

/** Opens a run. Should its process end without closing it, its programs end all the same. */
export function openRun(): Run {
  const directory = mkdtempSync(join(tmpdir(), "callboard-test-"));
  mkdirSync(join(directory, PIDS));
  process.env[RUN_DIRECTORY] = directory;
  const script = fileURLToPath(new URL("janitor.js", import.meta.url));
  // Detached, so that Ctrl+C in a terminal does not reach it.
  const janitor = spawn(process.execPath, [script, directory, PIDS], {
    detached: true,
    stdio: ["pipe", "ignore", "inherit"],
  });
  const done = new Promise<void>((resolve, reject) => janitor.once("error", reject).once("exit", () => resolve()));
  return {
    close() {
      delete process.env[RUN_DIRECTORY];
      janitor.stdin.end();
      return done;
    },
  };
}

/** A directory for one server, removed at the end of the run. */
export function serverDirectory(name: string): string {
  return mkdtempSync(join(process.env[RUN_DIRECTORY] ?? tmpdir(), `${name}-`));
}

/** Starts a program and waits until it answers. If it does not, its last output is in the error. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const child = spawn(options.command, options.args, {
    cwd: options.directory,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = lastOutput(child);
  const exit = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
  });
  const pidFile = register(child.pid);
  let ended: string | undefined;
  void exit.then((how) => {
    ended = how;
    if (pidFile !== undefined) rmSync(pidFile, { force: true });
  });

  const deadline = Date.now() + options.timeout;
  while (ended === undefined && !(await options.ready())) {
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`${options.name} did not answer within ${options.timeout} ms.\n${output()}`);
    }
    await sleep(25);
  }
  if (ended !== undefined || child.pid === undefined) {
    throw new Error(`${options.name} did not start: ${ended}.\n${output()}`);
  }

  return {
    pid: child.pid,
    signal: (signal) => void child.kill(signal),
    async end(signal) {
      child.kill(signal);
      const stubborn = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await exit;
      clearTimeout(stubborn);
    },
  };
}

/** Notes a process as belonging to this run, so that it is ended even if the process that started it is gone. */
function register(pid: number | undefined): string | undefined {
  const directory = process.env[RUN_DIRECTORY];
  if (directory === undefined || pid === undefined) return undefined;
  const file = join(directory, PIDS, String(pid));
  writeFileSync(file, "");
  return file;
}

function lastOutput(child: ChildProcess): () => string {
  let text = "";
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-4000);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  return () => text;
}
