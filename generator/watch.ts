/** Generates again whenever a contract, or a source that one imports, changes. */
import { dirname, join } from "node:path";
import type { GeneratorConfig } from "./config.js";
import { FolderWatchers } from "./folder-watchers.js";
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
  const blindness: string[] = [];
  const folders = new FolderWatchers(
    () => schedule(),
    (line) => blindness.push(line),
  );
  const generator = new Generator(config, { onLook: (path) => folders.watch(dirname(path)) });
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();

  const run = async () => {
    const start = performance.now();
    folders.watchTree(join(config.root, config.contracts));
    const report = await generator.run({});
    onReport({ ...report, notes: [...report.notes, ...blindness] }, performance.now() - start);
  };
  const schedule = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(run);
    }, QUIET_MS);
  };
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
