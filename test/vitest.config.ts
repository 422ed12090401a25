/** How the tests run: against the sources, in forked processes, beside servers that the set-up starts. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vitest/config";
import { LongestFirst } from "./setup/order.js";

const path = (fromRoot: string) => fileURLToPath(new URL(`../${fromRoot}`, import.meta.url));

/** Loads a Lua script as its text, as the bundler does. */
const luaAsText: Plugin = {
  name: "lua-as-text",
  enforce: "pre",
  load(id) {
    return id.endsWith(".lua") ? `export default ${JSON.stringify(readFileSync(id, "utf8"))};` : undefined;
  },
};

export default defineConfig({
  root: path("."),
  plugins: [luaAsText],
  resolve: {
    // The longest first: "callboard" alone is the beginning of all others.
    alias: [
      { find: /^callboard\/metrics$/, replacement: path("runtime/metrics/index.ts") },
      { find: /^callboard\/tracing$/, replacement: path("runtime/tracing/index.ts") },
      { find: /^callboard\/testing$/, replacement: path("runtime/testing/index.ts") },
      { find: /^callboard\/rabbitmq$/, replacement: path("runtime/brokers/rabbitmq/index.ts") },
      { find: /^callboard\/redis$/, replacement: path("runtime/brokers/redis/index.ts") },
      { find: /^callboard\/worker$/, replacement: path("runtime/worker/index.ts") },
      { find: /^callboard\/client$/, replacement: path("runtime/client/index.ts") },
      { find: /^callboard$/, replacement: path("runtime/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    globalSetup: [path("test/setup/global.ts")],
    pool: "forks",
    // Most tests wait for a server most of the time: two cores carry three of them.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    // Tests of one file that run side by side do nothing but wait: all of them may.
    maxConcurrency: 10,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
