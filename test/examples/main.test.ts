/** What `npm start` runs: on each broker the same work comes to the same end. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand, type Ended } from "../setup/command.js";
import { startRabbitmq } from "../setup/rabbitmq.js";
import { startRedis } from "../setup/redis.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));
// Inside the repository, so that packages are found as from the repository.
const cache = join(repository, "node_modules", ".cache", "callboard");
let directory: string;
let program: string;

beforeAll(async () => {
  mkdirSync(cache, { recursive: true });
  directory = mkdtempSync(join(cache, "main-test-"));
  program = join(directory, "main.js");
  // As the script "start" of package.json does it.
  await build({
    entryPoints: [join(repository, "examples", "main.ts")],
    outfile: program,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    loader: { ".lua": "text" },
    absWorkingDir: repository,
  });
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(...args: readonly string[]): Promise<Ended> {
  return runCommand(process.execPath, [program, ...args], { cwd: repository });
}

interface Line {
  readonly event: string;
  readonly id?: string;
  readonly actor?: string;
  readonly reason?: string;
  readonly attempts?: number;
  readonly output?: unknown;
}

/** Runs the main job on a broker and reads its report. */
async function report(broker: string): Promise<readonly Line[]> {
  const { code, stdout, stderr } = await run("--json", "--broker", broker);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

test.each([
  ["memory", () => "memory:"],
  ["Redis", async () => (await startRedis()).url],
  ["RabbitMQ", async () => (await startRabbitmq()).url],
])("on %s all work comes to its end", async (_name, broker) => {
  const lines = await report(await broker());
  const ofKind = (kind: string) => lines.filter(({ event }) => event === kind);

  expect(lines.at(-1)).toMatchObject({
    event: "summary",
    sent: 14,
    answered: 10,
    done: 2,
    retried: 6,
    dead: 2,
    refused: 1,
  });
  expect(new Set(ofKind("sent").map(({ id }) => id)).size).toBe(14);

  const dead = ofKind("dead").toSorted((a, b) => (a.reason ?? "").localeCompare(b.reason ?? ""));
  expect(dead).toMatchObject([
    { actor: "payments.processPayment", reason: "do-not-retry", attempts: 1 },
    { actor: "mail.sendReceipt", reason: "retries-exhausted", attempts: 3 },
  ]);

  const answers = ofKind("answered");
  const outputs = (actor: string) => answers.filter((line) => line.actor === actor).map(({ output }) => output);
  expect(outputs("math.fibonacci")).toEqual(["9969216677189303386214405760200"]);
  expect(outputs("math.factorize")).toEqual([[71, 839, 1471, 6857]]);
  expect(outputs("web.fetchUrl")).toContainEqual({ status: 404, bytes: 38, title: "Not here" });
  expect(outputs("payments.processPayment")).toHaveLength(2);
});

test("for people it is plain text where there is no terminal", async () => {
  const { code, stdout } = await run();
  expect(code).toBe(0);
  // oxlint-disable-next-line no-control-regex
  expect(stdout).not.toMatch(/\u001b/);
  expect(stdout).toMatch(/retried +payments\.processPayment +attempt 1 failed: GatewayBusyError: no free line/);
  expect(stdout).toMatch(/dead +mail\.sendReceipt +retries-exhausted, 3 attempts: Error: 550 nobody@bounces\.example/);
  expect(stdout).toContain("14 messages sent in ");
  expect(stdout).toContain("10 answered, 2 done, 2 dead.");
});

test.each([
  ["a broker that is down", ["--broker", "redis://127.0.0.1:1"], "redis 127.0.0.1:1/0 cannot be reached"],
  ["a broker that nobody knows", ["--broker", "kafka://127.0.0.1"], 'No broker is known by "kafka:".'],
  ["an unknown option", ["--brokre", "memory:"], "Unknown option '--brokre'"],
])("%s ends it with 1 and a clear message", async (_what, args, message) => {
  const { code, stderr } = await run(...args);
  expect(stderr).toContain("The main job failed.");
  expect(stderr).toContain(message);
  expect(code).toBe(1);
});
