/** Programs of a test's own that run as real processes, so that they can be killed. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { eventually } from "./eventually.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A running program, and what it printed. */
export class TestProcess {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(process.execPath, ["--enable-source-maps", program, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on("line", (line) => this.lines.push(line));
    }
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The exit code; `null` while it runs or where a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends a signal and does not wait for what comes of it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until it has printed this line. */
  async printed(line: string): Promise<void> {
    await eventually(`"${line}" from a process that printed ${JSON.stringify(this.lines.slice(-5))}`, () =>
      this.lines.includes(line),
    );
  }

  /** Sends a signal and waits until it is gone. */
  async end(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.running) this.#child.kill(signal);
    await this.ended();
  }

  /** Waits until it is gone. */
  async ended(): Promise<void> {
    await eventually("the process to end", () => !this.running);
  }
}

/** Bundles a program, named by its path beneath `test`, with the runtime's sources; returns the path of the bundle. */
export async function bundleProgram(name: string): Promise<string> {
  const outfile = `${root}node_modules/.cache/callboard/programs/${name}-${process.pid}.mjs`;
  await build({
    entryPoints: [`${root}test/${name}.ts`],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: "inline",
    loader: { ".lua": "text" },
    external: ["zod", "zod/*", "ioredis", "amqplib", "pino", "ms"],
    alias: {
      "callboard/client": `${root}runtime/client/index.ts`,
      "callboard/worker": `${root}runtime/worker/index.ts`,
      "callboard/redis": `${root}runtime/brokers/redis/index.ts`,
      "callboard/rabbitmq": `${root}runtime/brokers/rabbitmq/index.ts`,
      callboard: `${root}runtime/index.ts`,
    },
    logLevel: "silent",
  });
  return outfile;
}
