/** Makes sure that a server program is there, or says in one line what to install. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

/** A program that tests need. */
export interface Requirement {
  readonly program: string;
  /** Its package in Debian and Ubuntu. */
  readonly package: string;
  /** Folders to look in before PATH. */
  readonly folders?: readonly string[];
}

/** apt-get runs once at a time: a second one would find its lists locked. */
let installing: Promise<void> = Promise.resolve();

/** The path of a program; it is installed first where that is possible. */
export async function requireProgram(requirement: Requirement): Promise<string> {
  const found = findProgram(requirement);
  if (found !== undefined) return found;
  installing = installing.catch(() => undefined).then(() => install(requirement));
  await installing;
  const installed = findProgram(requirement);
  if (installed === undefined) throw new Error(missing(requirement, "its package is installed but does not have it"));
  return installed;
}

function findProgram({ program, folders = [] }: Requirement): string | undefined {
  // Servers live in /usr/sbin, which is not on everybody's PATH.
  const path = [...folders, ...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return path.map((folder) => join(folder, program)).find((file) => existsSync(file));
}

async function install(requirement: Requirement): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error(missing(requirement, "only root may install it"));
  const aptGet = findProgram({ program: "apt-get", package: "apt" });
  if (aptGet === undefined) throw new Error(missing(requirement, "there is no apt-get here"));
  process.stdout.write(`Test set-up: ${requirement.program} is missing; installing it with apt-get.\n`);
  // RUNLEVEL=1 keeps the package from starting a system service: tests start servers of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const run = promisify(execFile);
  try {
    // Another program of the machine's own may hold the lock for a while.
    const patience = ["--option", "DPkg::Lock::Timeout=120"];
    await run(aptGet, [...patience, "update"], { env });
    await run(aptGet, [...patience, "install", "--yes", "--no-install-recommends", requirement.package], { env });
  } catch (error) {
    throw new Error(missing(requirement, "apt-get could not install it"), { cause: error });
  }
}

function missing({ program, package: name }: Requirement, why: string): string {
  return `The tests need the program ${program}, and ${why}. Install it (Debian, Ubuntu: apt-get install ${name}).`;
}
