/** The whole way of a new user, with the package as it is published: from an empty folder to a typed answer. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, onTestFinished, test } from "vitest";
import { tsconfigOfReadme } from "../docs/pages.js";
import { runCommand, startCommand, type Ended } from "../setup/command.js";
import { createFolder, type Folder } from "../setup/project.js";
import { startRedis } from "../setup/redis.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const MINUTE = 60_000;

const files = {
  "package.json": `{ "name": "shop", "private": true, "type": "module" }\n`,
  "tsconfig.json": tsconfigOfReadme(),
  "contracts/payments.ts": `
    import { actor } from "callboard";
    import { z } from "zod";

    /** Charges a customer's card. */
    export const processPayment = actor({
      input: z.object({ userId: z.string(), amount: z.number().positive() }),
      output: z.object({ receiptId: z.string() }),
      queue: "high-priority",
      maxRetries: 3,
      minBackoff: "1s",
    });
  `,
  "contracts/web.ts": `
    import { actor } from "callboard";
    import { z } from "zod";

    /** Fetches a page. */
    export const fetchUrl = actor({ input: z.string() });
  `,
  "worker.ts": `
    import { redisBroker } from "callboard/redis";
    import { createWorker } from "./generated/worker.js";
    import { payments } from "./handlers/payments.js";
    import { web } from "./handlers/web.js";

    const broker = redisBroker(process.env["REDIS_URL"] ?? "redis://localhost:6379");
    export default createWorker(broker, { payments, web }, { concurrency: 100 });
  `,
  "producer.ts": `
    import { redisBroker } from "callboard/redis";
    import { createClient } from "./generated/client.js";

    const broker = redisBroker(process.env["REDIS_URL"] ?? "redis://localhost:6379");
    const client = createClient(broker);
    const message = await client.payments.processPayment.send({ userId: "u1", amount: 20 });
    const receipt: { receiptId: string } = await message.result({ timeout: "20s" });
    const called = await client.payments.processPayment.call({ userId: "u2", amount: 30 });
    await client.web.fetchUrl.send("https://example.com/");
    const refusal = await client.payments.processPayment
      .send({ userId: "u3", amount: -1 })
      .catch((error: unknown) => (error instanceof Error ? error.name : "no error"));
    console.log(JSON.stringify({ receipt, called, refusal }));
    await broker.close();
  `,
};

/** Runs a step of the way; it has to end with 0. */
async function step(project: Folder, command: string, ...args: readonly string[]): Promise<Ended> {
  const ended = await runCommand(command, args, { cwd: project.directory });
  expect(ended.code, `${command} ${args.join(" ")}\n${ended.stdout}\n${ended.stderr}`).toBe(0);
  return ended;
}

/** Packs the package as it would be published, and returns the path of the file. */
async function pack(into: Folder): Promise<string> {
  // The set-up has built it; to build it once more would take the files from under other tests.
  const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", into.directory];
  const { code, stdout, stderr } = await runCommand("npm", args, { cwd: root });
  expect(code, stderr).toBe(0);
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  const tops = new Set(packed?.files.map(({ path }) => path.split("/")[0]));
  const published = new Set(["dist", "docs", "package.json", "README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"]);
  expect([...tops].filter((top) => top !== undefined && !published.has(top))).toEqual([]);
  return join(into.directory, packed?.filename ?? "");
}

/** The versions that this repository is tested with. */
function pinned(...names: readonly string[]): readonly string[] {
  return names.map((name) => {
    const manifest = readFileSync(join(root, "node_modules", name, "package.json"), "utf8");
    return `${name}@${(JSON.parse(manifest) as { version: string }).version}`;
  });
}

/** Does a person's work on a stub: replaces its one throw by a body. */
function fillIn(project: Folder, path: string, body: string): void {
  const file = join(project.directory, path);
  const stub = readFileSync(file, "utf8");
  const filled = stub
    .replace(/^import \{ NotImplementedError \} .*\n/m, "")
    .replaceAll("_input", "input")
    .replace(/throw new NotImplementedError\(.*\);/, body);
  expect(filled, "the stub has the expected form").toContain(body);
  writeFileSync(file, filled);
}

test("contract, gen, worker and producer run from the packed file", { timeout: 5 * MINUTE }, async () => {
  const project = createFolder(files);
  const packed = await pack(createFolder({}));
  const packages = pinned("zod", "ioredis", "typescript", "@types/node");
  await step(project, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", packed, ...packages);

  const generated = await step(project, "npx", "callboard", "gen");
  expect(generated.stdout).toContain("handlers/payments.ts");
  fillIn(project, "handlers/payments.ts", "return { receiptId: `${input.userId}-${input.amount}` };");
  fillIn(project, "handlers/web.ts", "console.log(`fetched ${input}`);");
  await step(project, "npx", "callboard", "gen", "--check");
  await step(project, "npx", "tsc");

  const handler = readFileSync(join(project.directory, "handlers/payments.ts"), "utf8");
  project.write("handlers/payments.ts", handler.replace("{ receiptId:", "{ receipt:"));
  const refused = await runCommand("npx", ["tsc"], { cwd: project.directory });
  expect(refused.stdout).toContain("Property 'receiptId' is missing in type '{ receipt: string; }'");
  expect(refused.code).not.toBe(0);
  project.write("handlers/payments.ts", handler);

  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const options = { cwd: project.directory, env: { REDIS_URL: redis.url } };
  const worker = startCommand(process.execPath, ["node_modules/.bin/callboard", "worker", "./worker.ts"], options);
  await worker.printed("callboard worker:");

  await build({
    absWorkingDir: project.directory,
    entryPoints: ["producer.ts"],
    outfile: join(project.directory, "producer.js"),
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
  });
  const producer = await runCommand(process.execPath, ["producer.js"], options);
  expect(producer.code, producer.stderr).toBe(0);
  expect(JSON.parse(producer.stdout)).toEqual({
    receipt: { receiptId: "u1-20" },
    called: { receiptId: "u2-30" },
    refusal: "InvalidInputError",
  });

  await worker.printed("fetched https://example.com/");
  worker.kill("SIGTERM");
  expect((await worker.ended).code).toBe(0);
});
