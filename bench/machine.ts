/** What the figures depend on: the machine, and the versions of everything that took part. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, release, totalmem, type } from "node:os";

/** Where and with what a run was made. */
export interface Machine {
  readonly cpu: string;
  readonly memory: string;
  readonly system: string;
  readonly commit: string;
  /** By name: node, redis, rabbitmq, and the packages. */
  readonly versions: Readonly<Record<string, string>>;
}

const packages = ["bullmq", "bee-queue", "ioredis", "amqplib", "rabbitmq-client", "zod", "typescript"];

/** Looks at this machine. `servers` are the versions of those that run. */
export function machine(servers: Readonly<Record<string, string>>): Machine {
  const processors = cpus();
  return {
    cpu: `${processors.length} × ${processors[0]?.model ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    commit: commit(),
    versions: {
      node: process.version.slice(1),
      ...servers,
      ...Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
    },
  };
}

/** With a mark where the sources differ from it. */
function commit(): string {
  try {
    const git = (...args: readonly string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
    const changed = git("status", "--porcelain", "--untracked-files=no", "--", "runtime", "generator") !== "";
    return `${git("rev-parse", "--short", "HEAD")}${changed ? " with changes" : ""}`;
  } catch {
    return "unknown";
  }
}

function versionOf(name: string): string {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  for (const folder of folders) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(`${folder}/${name}/package.json`, "utf8"));
      if (typeof manifest === "object" && manifest !== null && "version" in manifest) return String(manifest.version);
    } catch {
      // It is in a folder further up.
    }
  }
  return "unknown";
}
