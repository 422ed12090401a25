/** Watches folders, each as long as it is there. */
import { existsSync, readdirSync, watch as watchPath, type FSWatcher } from "node:fs";
import { dirname, join } from "node:path";

/** The watched folders. */
export class FolderWatchers {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onChange: (path: string | undefined) => void;
  readonly #onBlind: (line: string) => void;
  #isBlind = false;
  #isClosed = false;

  /**
   * Calls back at each change, with the path of what has changed as far as it is known; and with a line for people
   * when a folder cannot be watched, for the first one.
   */
  constructor(onChange: (path: string | undefined) => void, onBlind: (line: string) => void) {
    this.#onChange = onChange;
    this.#onBlind = onBlind;
  }

  /** Watches a folder by itself; until it is there, the nearest one above it, in which it would come. */
  watch(folder: string): void {
    // A run that was under way asks for it still.
    if (this.#isClosed || this.#watchers.has(folder)) return;
    if (!this.#add(folder) && dirname(folder) !== folder) this.watch(dirname(folder));
  }

  /** Watches a folder with all folders beneath it, each before it is read: what comes into it then is seen. */
  watchTree(folder: string): void {
    this.watch(folder);
    for (const name of foldersIn(folder)) this.watchTree(join(folder, name));
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Tells whether it is there. */
  #add(folder: string): boolean {
    const forget = () => {
      watcher.close();
      this.#watchers.delete(folder);
    };
    let watcher: FSWatcher;
    try {
      watcher = watchPath(folder, (_event, name) => {
        // One of the same name may come instead of it; the old watcher would not see what is in there.
        if (!existsSync(folder)) forget();
        this.#onChange(name === null ? undefined : join(folder, name));
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return false;
      if (!this.#isBlind) this.#onBlind(`changes in ${folder} will not be seen: ${reason(code, message)}`);
      this.#isBlind = true;
      return true;
    }
    watcher.on("error", () => {
      forget();
      this.#onChange(undefined);
    });
    this.#watchers.set(folder, watcher);
    return true;
  }
}

/** One by one: Node's own recursive watching loses sight of a file that an editor has replaced by another. */
function foldersIn(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && entry.name !== "node_modules").map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Linux counts what all programs of a user watch together; what Node says of its limits leaves open which they are. */
function reason(code: string | undefined, message: string): string {
  if (code === "ENOSPC") return "too many folders are watched on this machine (raise fs.inotify.max_user_watches)";
  if (code === "EMFILE") return "too many programs watch folders (raise fs.inotify.max_user_instances)";
  return message;
}
