/** Runs a program to its end: how long it takes, and how much memory it and its children need. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";

/** What a run of a program cost. */
export interface Cost {
  readonly seconds: number;
  /** The highest memory of each of its processes, added up, in bytes; NaN where the system does not tell. */
  readonly peak: number;
}

const LOOK_EVERY = 20;

/** Runs Node with these arguments. Throws with what it printed where it fails. */
export async function runNode(args: readonly string[], cwd: string): Promise<Cost> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const peaks = new Map<number, number>();
  const look = () => {
    for (const pid of child.pid === undefined ? [] : tree(child.pid)) {
      const peak = highWaterMark(pid);
      if (peak !== undefined) peaks.set(pid, peak);
    }
  };
  const looking = setInterval(look, LOOK_EVERY);
  const [code] = (await once(child, "close")) as [number | null];
  clearInterval(looking);
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`node ${args.join(" ")} ended with code ${code}.\n${output}`);
  return { seconds, peak: peaks.size === 0 ? NaN : [...peaks.values()].reduce((sum, peak) => sum + peak, 0) };
}

/** A process and its descendants, as Linux tells them. */
function tree(pid: number): readonly number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    return [pid, ...children.flatMap(tree)];
  } catch {
    // It has ended, or this is not Linux.
    return [];
  }
}

/** The most memory that a process has had so far, in bytes. */
function highWaterMark(pid: number): number | undefined {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
