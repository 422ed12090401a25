/** The terminal that a process was started on, if there is one. */
import { isatty } from "node:tty";

const descriptor = [0, 1, 2].find((each) => isatty(each));

/** Whether it was closed in the meantime. */
export function isTerminalClosed(): boolean {
  return descriptor !== undefined && !isatty(descriptor);
}

/** Ends the process, as `process.exit()` does: that one crashes, with a memory dump, where the terminal was closed. */
export function leave(code: number): void {
  if (!isTerminalClosed()) process.exit(code);
  process.emit("exit", code);
  process.kill(process.pid, "SIGKILL");
}
