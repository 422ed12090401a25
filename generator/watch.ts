/** Generates again whenever a contract, or a source that one imports, changes. */
import { watch as watchPath, type FSWatcher } from "node:fs";
import { dirname, join } from "node:path";
import type { GeneratorConfig } from "./config.js";
import { Generator, type Report } from "./generate.js";

/** How long everything must be quiet before it is read: editors write a file in several steps. */
const QUIET_MS = 50;

/** Something that is watched until it is closed. */
export interface Watching {
  close(): Promise<void>;
}

/** Generates now and after each change, until it is closed. The first report is there when it resolves. */
export async function watch(
  config: GeneratorConfig,
  onReport: (report: Report, milliseconds: number) => void,
): Promise<Watching> {
  const generator = new Generator(config, { warm: true });
  const folders = new FolderWatchers(() => schedule());
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();

  const run = async () => {
    const start = performance.now();
    const report = await generator.run({});
    const imported = generator.sources.map((path) => dirname(join(config.root, path)));
    folders.watch(config.root, join(config.root, config.contracts), imported);
    onReport(report, performance.now() - start);
  };
  const schedule = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(run);
    }, QUIET_MS);
  };
  folders.watch(config.root, join(config.root, config.contracts), []);
  running = run();
  await running;
  return {
    async close() {
      clearTimeout(timer);
      folders.close();
      await running;
      await generator.close();
    },
  };
}

/** The watched folders. */
class FolderWatchers {
  readonly #watchers = new Map<string, FSWatcher>();
  #isClosed = false;

  constructor(readonly onChange: () => void) {}

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
      const watcher = watchPath(folder, { recursive }, this.onChange);
      watcher.on("error", () => {
        watcher.close();
        this.#watchers.delete(folder);
        this.onChange();
      });
      this.#watchers.set(folder, watcher);
      return true;
    } catch {
      return false;
    }
  }
}
