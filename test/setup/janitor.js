/** Outlives a test run by a moment: once the run is over, however it ended, ends its servers and removes its directory. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const [directory = "", pids = ""] = process.argv.slice(2);

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself in the meantime.
  }
}

// The other end of standard input is the run: it closes with the run's process, even with one that was killed.
process.stdin.resume().once("end", () => {
  for (const pid of readdirSync(join(directory, pids))) kill(Number(pid));
  // A program that was just killed may still be writing its last file.
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});
