/** Watches folders, each as long as it is there. */
import { existsSync, readdirSync, watch as watchPath, type FSWatcher } from "node:fs";
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

  /** Watches the contracts with all folders beneath them, and other folders by themselves. */
  watch(root: string, contracts: string, others: readonly string[]): void {
    // A run that was under way asks for it still.
    if (this.#isClosed) return;
    const isFirst = this.#watchers.size === 0;
    const tree = withFoldersBeneath(contracts);
    const added = tree.filter((folder) => this.#add(folder));
    // Until there is a contracts folder, its coming is what is waited for.
    for (const folder of tree.length === 0 ? [root, ...others] : others) this.#add(folder);
    // What came into a new folder between its reading and its watching was seen by nobody.
    if (!isFirst) for (const folder of added) this.#onChange(folder);
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Tells whether it is watched from now on and was not before. */
  #add(folder: string): boolean {
    if (this.#watchers.has(folder)) return false;
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
    } catch {
      return false;
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
function withFoldersBeneath(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    const below = entries.filter((entry) => entry.isDirectory() && entry.name !== "node_modules");
    return [folder, ...below.flatMap(({ name }) => withFoldersBeneath(join(folder, name)))];
  } catch {
    return [];
  }
}
