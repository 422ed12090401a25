/** Watches folders, each as long as it is there. */
import { watch as watchPath, type FSWatcher } from "node:fs";
import { join } from "node:path";

/** The watched folders. */
export class FolderWatchers {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onChange: (path: string | undefined) => void;
  #isClosed = false;

  /** Calls back at each change, with the path of what has changed as far as it is known. */
  constructor(onChange: (path: string | undefined) => void) {
    this.#onChange = onChange;
  }

  /** Watches the contracts with all beneath them, and other folders by themselves. */
  watch(root: string, contracts: string, others: readonly string[]): void {
    // A run that was under way asks for it still.
    if (this.#isClosed) return;
    const isWatched = this.#add(contracts, true);
    // Until there is a contracts folder, its coming is what is waited for.
    if (!isWatched) this.#add(root, false);
    for (const folder of others) {
      if (folder !== contracts && !folder.startsWith(join(contracts, "/"))) this.#add(folder, false);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #add(folder: string, recursive: boolean): boolean {
    if (this.#watchers.has(folder)) return true;
    try {
      const watcher = watchPath(folder, { recursive }, (_event, name) =>
        this.#onChange(name === null ? undefined : join(folder, name)),
      );
      watcher.on("error", () => {
        watcher.close();
        this.#watchers.delete(folder);
        this.#onChange(undefined);
      });
      this.#watchers.set(folder, watcher);
      return true;
    } catch {
      return false;
    }
  }
}
