/** The example of pipelines and groups says what it should. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { runCommand } from "../setup/command.js";
import { startRedis } from "../setup/redis.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));

test.each([
  ["memory", async () => "memory:"],
  ["Redis", async () => (await startRedis()).url],
])("files are compared on %s", async (_name, broker) => {
  // Inside the repository, so that packages are found as from the repository.
  const cache = join(repository, "node_modules", ".cache", "callboard");
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, "flows-test-"));
  const program = join(directory, "flows.js");
  await build({
    entryPoints: [join(repository, "examples", "flows.ts")],
    outfile: program,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    loader: { ".lua": "text" },
    absWorkingDir: repository,
  });
  const env = { CALLBOARD_BROKER: await broker() };
  const { code, stdout, stderr } = await runCommand(process.execPath, [program], { cwd: repository, env });
  rmSync(directory, { recursive: true, force: true });
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([
    "README.md is itself: true",
    "member 1: read, member 2: read",
    "failed at step 1, member 2: there is no file absent.md",
    "fulfilled, rejected",
  ]);
  expect(code).toBe(0);
});
