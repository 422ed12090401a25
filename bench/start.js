/** `npm run bench`: installs what only the bench needs, builds Callboard and the bench, and runs it. Arguments are main.ts's. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const bench = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
const installed = `${bench}node_modules/.installed-lock.json`;
const lock = readFileSync(`${bench}package-lock.json`, "utf8");

function run(command, args, cwd) {
  try {
    // Standard output is for results.
    execFileSync(command, args, { cwd, stdio: ["ignore", 2, 2] });
  } catch {
    console.error(`The bench does not start: ${command} ${args.join(" ")} failed.`);
    process.exit(1);
  }
}

if (!existsSync(installed) || readFileSync(installed, "utf8") !== lock) {
  console.error("Installing BullMQ, bee-queue and the others into bench/node_modules (npm ci) …");
  run("npm", ["ci", "--silent"], bench);
  writeFileSync(installed, lock);
}
// The generator and the imports are measured as users have them.
run("npm", ["run", "--silent", "build"], root);
run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, "--project", bench], root);

const outdir = `${bench}node_modules/.cache/callboard`;
await build({
  entryPoints: {
    "bench/main": `${bench}main.ts`,
    "bench/lane": `${bench}lane.ts`,
    "bench/hand": `${bench}hand.ts`,
    "bench/isolated": `${bench}systems/isolated.ts`,
    "bench/sandboxed": `${bench}peers/sandboxed.ts`,
    "bench/janitor": `${root}test/setup/janitor.js`,
    // Where a worker looks for the program of its threads.
    "worker/thread": `${root}runtime/worker/threads/thread.ts`,
  },
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  loader: { ".lua": "text" },
  // Beside main.js, where the sources look for each other too.
  chunkNames: "bench/[name]-[hash]",
  sourcemap: true,
  logLevel: "warning",
});
process.chdir(root);
process.setSourceMapsEnabled(true);
await import(pathToFileURL(`${outdir}/bench/main.js`).href);
