/** `callboard worker --watch`: an edit of a handler or a contract is at work a moment later, and no message is lost. */
import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { createWorkerProject, handlers, type WorkerProject } from "./traffic.js";

/** A contract whose input says more. */
const contract = (unit: string) => `
  import { actor } from "callboard";
  import { z } from "zod";
  export const step = actor({
    input: z.object({ n: z.number(), ms: z.number(), unit: z.string().default("${unit}") }),
    output: z.object({ n: z.number(), pid: z.number(), version: z.string(), attempt: z.number() }),
  });
`;

/** Handlers that answer with what the contract says. */
const answeringUnit = `
  import type { DemoHandlers } from "../generated/worker.js";
  export const demo: DemoHandlers = {
    step: ({ n, unit }, { message: { attempt } }) => ({ n, pid: process.pid, version: unit, attempt }),
  };
`;

/** Waits for the first answer of a version; returns how long that took, in milliseconds. */
async function firstAnswer(project: WorkerProject, version: string): Promise<number> {
  const beganAt = performance.now();
  await project.answered(1, { version });
  return Math.round(performance.now() - beganAt);
}

test("an edit of a handler is at work within a moment, with messages in flight and none lost", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--watch");
  project.send(200);
  for (const [edit, version] of ["two", "three", "four"].entries()) {
    await project.answered(20);
    project.files.write("handlers/demo.ts", handlers(version));
    const took = await firstAnswer(project, version);
    const [, reload] = [...command.output.matchAll(/reloaded in (\d+) ms/g)][edit] ?? [];
    console.info(`first answer ${took} ms after the write, of which 200 in the handler; reloaded in ${reload} ms`);
    expect(took).toBeLessThan(20_000);
  }
  await project.allAnswered();
  command.kill("SIGINT");
  expect((await command.ended).code).toBe(0);
}, 120_000);

test("an edit of a contract is generated and at work", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  project.files.write("contracts/demo.ts", contract("seconds"));
  project.files.write("handlers/demo.ts", answeringUnit);
  const command = await project.start("--watch");
  expect(command.output).toContain("generated generated/");
  expect((await project.call(1)).version).toBe("seconds");
  project.send(1);
  project.files.write("contracts/demo.ts", contract("hours"));
  await project.answered(10, { version: "hours" });
  project.files.write("contracts/more/extra.ts", contract("days"));
  await command.printed("generated/actors/more/extra.d.ts");
  await project.allAnswered();
}, 120_000);

test("what does not compile or generate is shown, and the old worker goes on until it is repaired", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--watch");
  project.send(1);
  project.files.write("handlers/demo.ts", "export const demo = {;");
  await command.printed("not reloaded, the old worker goes on: handlers/demo.ts:1:22: Expected identifier");
  await project.answered(5, { version: "one" });

  project.files.write("handlers/demo.ts", handlers("two"));
  await project.answered(5, { version: "two" });

  project.files.write("contracts/demo.ts", contract("s").replace("output:", "maxRetires: 3, output:"));
  await command.printed('There is no option "maxRetires"');
  await project.answered(5, { version: "two" });

  project.files.write("contracts/demo.ts", contract("s"));
  project.files.write("handlers/demo.ts", handlers("three"));
  await project.answered(5, { version: "three" });
  await project.allAnswered();
}, 120_000);

test("a source in a folder of its own that is broken, or not there, is followed to its repair", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  project.files.write("lib/version.ts", "export const version = ;");
  project.files.write("lib/deep/other.ts", "");
  project.files.write("handlers/demo.ts", `import "../lib/version.js"; ${handlers("two")}`);
  const command = project.begin("--watch");
  await command.printed("not started, waiting for a change: lib/version.ts:1:24: Unexpected");
  project.files.write("lib/version.ts", 'import "./deep/more.js";');
  await command.printed('not started, waiting for a change: lib/version.ts:1:8: Could not resolve "./deep/more.js"');
  project.files.write("lib/deep/more.ts", "");
  expect((await project.call(1)).version).toBe("two");
}, 120_000);

test("a broken edit that is undone is said to be well again, and the worker was not restarted", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--watch");
  const { pid } = await project.call(1);
  project.files.write("handlers/demo.ts", "export const demo = {;");
  await command.printed("not reloaded, the old worker goes on: handlers/demo.ts:1:22: Expected identifier");
  project.files.write("handlers/demo.ts", handlers("one"));
  const well = "callboard worker: all is well again: the worker runs this very code, and was not restarted\n";
  await command.printed(well);
  expect((await project.call(1)).pid).toBe(pid);
  expect(command.output).not.toContain("reloaded in");

  // What is only touched is not worth a word.
  project.files.write("handlers/demo.ts", handlers("one"));
  project.files.write("handlers/demo.ts", handlers("two"));
  await command.printed("reloaded in");
  expect(command.output.split(well)).toHaveLength(2);
}, 120_000);

test("a contract that the worker has no handler for is named with its place, and with what to write where", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--watch");
  project.files.write("contracts/extra.ts", contract("days"));
  await command.printed(
    "callboard worker: not reloaded, the old worker goes on: contracts/extra.ts:4:16 declares extra.step, and worker.ts " +
      "has no handler for it. Write it as `step` in handlers/extra.ts, and give createWorker that file's `extra`.\n",
  );
  expect((await project.call(1)).version).toBe("one");
  rmSync(join(project.files.directory, "contracts/extra.ts"));
  await command.printed("callboard worker: removed generated/actors/extra.d.ts, generated/actors/extra.js");
  await command.printed("all is well again");
  // What the generator wrote itself is no further change.
  expect(command.output.split("declares extra.step")).toHaveLength(2);
}, 120_000);

test("a handler file that is moved away and back is at work again, though the file is older than its stub", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--watch");
  const file = join(project.files.directory, "handlers/demo.ts");
  renameSync(file, `${file}.away`);
  await command.printed("generated handlers/demo.ts");
  await command.printed("reloaded in");
  renameSync(`${file}.away`, file);
  await expect.poll(() => command.output.split("reloaded in").length, { timeout: 20_000 }).toBe(3);
  expect((await project.call(1)).version).toBe("one");
}, 120_000);

test("a worker that is broken from the start is waited for", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  project.files.write("handlers/demo.ts", 'throw new Error("no such table");');
  const command = project.begin("--watch");
  await command.printed("not started, waiting for a change");
  await command.printed("no such table");
  project.files.write("handlers/demo.ts", 'import "./absent.js";');
  await command.printed('handlers/demo.ts:1:8: Could not resolve "./absent.js"');
  project.files.write("handlers/absent.ts", handlers("two"));
  project.files.write("handlers/demo.ts", 'export * from "./absent.js";');
  expect(await project.call(1)).toMatchObject({ version: "two" });
  command.kill("SIGTERM");
  expect((await command.ended).code).toBe(0);
}, 120_000);

test("a generated file that somebody else changed is generated again", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--watch");
  project.files.write("generated/worker.ts", "<<<<<<< HEAD");
  await command.printed("generated generated/worker.ts");
  project.files.write("handlers/demo.ts", handlers("two"));
  await command.printed("reloaded in");
  expect((await project.call(1)).version).toBe("two");
}, 120_000);

test.each([
  ["waits for ever", "await new Promise(() => undefined);"],
  ["never comes to its end", "for (;;);"],
])(
  "a file that %s while it is loaded does not hold up its repair, nor the end",
  async (_what, text) => {
    const project = await createWorkerProject(inject("redisUrl"));
    project.files.write("handlers/demo.ts", `console.log("loading"); ${text} ${handlers("hanging")}`);
    const command = project.begin("--watch");
    await command.printed("loading");
    project.files.write("handlers/demo.ts", handlers("two"));
    expect((await project.call(1)).version).toBe("two");
    project.files.write("handlers/demo.ts", `console.log("loading again"); ${text} ${handlers("hanging")}`);
    await command.printed("loading again");
    project.files.write("handlers/demo.ts", handlers("three"));
    await command.printed("reloaded in");
    expect((await project.call(1)).version).toBe("three");
    command.kill("SIGTERM");
    expect((await command.ended).code).toBe(0);
    expect(readdirSync(join(project.files.directory, "node_modules/.cache/callboard"))).toEqual(["state.json"]);
  },
  120_000,
);

test("at its end the compiler is gone before the command is: left to itself, it may print a crash", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  // esbuild asks once a second whether somebody is there; nobody answers in a process that is just ending.
  project.files.write(
    "slow-end.mjs",
    `if (process.send === undefined) {
       process.on("exit", () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500));
     }`,
  );
  const env = { REDIS_URL: inject("redisUrl"), PREFIX: "cli-slow-end", NODE_OPTIONS: "--import ./slow-end.mjs" };
  const command = project.files.start(["worker", "worker.ts", "--watch"], env);
  await command.printed("callboard worker: redis");
  command.kill("SIGTERM");
  const { code, stderr } = await command.ended;
  expect(stderr.split("\n").filter((line) => !line.startsWith("callboard worker: "))).toEqual([""]);
  expect(code).toBe(0);
}, 120_000);
