/** Keeps a file with the id of this process, so that a second command does not run beside the first. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { AlreadyRunning, Failure } from "./exit.js";

/** Writes the file, and removes it when the process ends. Throws where it belongs to a process that lives. */
export function claimPidFile(path: string): void {
  try {
    while (!claim(path)) removeStale(path);
  } catch (error) {
    throw isSystemError(error) ? new Failure(`The pid file cannot be used: ${error.message}.`) : error;
  }
  process.once("exit", () => {
    if (read(path) === ownText) rmSync(path, { force: true });
  });
}

const ownText = `${process.pid}\n`;

/** Makes the file unless there is one; tells whether it did. */
function claim(path: string): boolean {
  try {
    writeFileSync(path, ownText, { flag: "wx" });
    return true;
  } catch (error) {
    if (isSystemError(error) && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Removes a file that a process left behind when it was killed. */
function removeStale(path: string): void {
  const text = read(path);
  if (text === undefined) return;
  if (!/^[1-9]\d*\s*$/.test(text)) {
    throw new AlreadyRunning(`${path} holds no process id. Remove it, unless it is needed for something else.`);
  }
  if (isAlive(Number(text))) {
    throw new AlreadyRunning(`Process ${text.trim()} runs already, says ${path}. Remove it if that is no worker.`);
  }
  // Put aside and looked at again: in the meantime another command may have made the file its own.
  const aside = `${path}.${process.pid}`;
  ifThere(() => renameSync(path, aside));
  if (read(aside) === text) rmSync(aside);
  else ifThere(() => renameSync(aside, path));
}

function read(path: string): string | undefined {
  return ifThere(() => readFileSync(path, "utf8"));
}

/** Does something with a file, unless it is gone. */
function ifThere<Value>(step: () => Value): Value | undefined {
  try {
    return step();
  } catch (error) {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  // In a container, the process that was killed may have had the very id of this one.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error) && error.code === "EPERM";
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error;
}
