/** `callboard worker` with processes that are killed, replaced and left alone, under traffic on Redis. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { ask, atWork, createWorkerProject, handlers, isAlive, pidsOf } from "./traffic.js";

const HTTP = ["--http", "127.0.0.1:0"];

test("one of four processes is killed with -9 under traffic: its siblings stay, another comes, nothing is lost", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--processes", "4", "--concurrency", "5", ...HTTP);
  await command.printed("4 processes, concurrency 5");
  project.send(20);
  const before = await pidsOf(command);
  expect(new Set(before).size).toBe(4);
  for (const pid of before) await project.answered(10, { pid });

  const [victim = 0, ...siblings] = before;
  process.kill(victim, "SIGKILL");
  await command.printed(`"process":1,"processId":${victim},"how":"SIGKILL"`);
  await eventually("another process", async () => (await ask(command, "/healthz")).code === 200);
  const after = await pidsOf(command);
  const [newcomer = 0] = after;
  expect(after.slice(1)).toEqual(siblings);
  expect(newcomer).not.toBe(victim);
  for (const pid of after) await project.answered(10, { pid });

  await project.allAnswered();
  command.kill("SIGTERM");
  expect((await command.ended).code).toBe(0);
  expect(after.filter(isAlive)).toEqual([]);
}, 120_000);

describe("SIGHUP", () => {
  test("replaces the processes by new ones of the new code, with messages in flight and none lost", async () => {
    const project = await createWorkerProject(inject("redisUrl"));
    const command = await project.start("--processes", "2", ...HTTP);
    const old = await pidsOf(command);
    project.send(300);
    await project.answered(20, { version: "one" });

    project.files.write("handlers/demo.ts", handlers("two"));
    command.kill("SIGHUP");
    await command.printed("reloaded in");
    for (const pid of await pidsOf(command)) await project.answered(20, { pid, version: "two" });
    await project.allAnswered();
    await eventually("the old processes to be gone", () => !old.some(isAlive));
    expect((await ask(command, "/readyz")).code).toBe(200);
  }, 120_000);

  test("with code that does not compile, or does not load, leaves the old worker at its work", async () => {
    const project = await createWorkerProject(inject("redisUrl"));
    const command = await project.start(...HTTP);
    const pids = await pidsOf(command);
    project.files.write("handlers/demo.ts", "export const demo = {;");
    command.kill("SIGHUP");
    await command.printed("not reloaded, the old worker goes on: handlers/demo.ts:1:22: Expected identifier");
    project.files.write("handlers/demo.ts", 'throw new Error("no such table");');
    command.kill("SIGHUP");
    await command.printed("no such table");
    await command.printed("handlers/demo.ts:1:7");
    project.files.write("handlers/demo.ts", "process.exit(7)");
    command.kill("SIGHUP");
    await command.printed("The worker's process ended with code 7 before the worker was started.");
    expect(await project.call(1)).toMatchObject({ version: "one", pid: pids[0] });
    expect(await pidsOf(command)).toEqual(pids);
  }, 120_000);
});

test("a command that is killed with -9 leaves processes that finish what they have, and end", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--processes", "2", "--concurrency", "10", ...HTTP);
  const pids = await pidsOf(command);
  for (let i = 0; i < 20; i++) void project.hold();
  await atWork(command);
  command.kill("SIGKILL");
  project.release();
  await project.allAnswered();
  await eventually("the processes to end", () => !pids.some(isAlive));
}, 120_000);

test("a process that is told to end by itself does so gracefully, and another one comes", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start(...HTTP);
  const [pid = 0] = await pidsOf(command);
  const call = project.hold();
  await atWork(command, 1);
  process.kill(pid, "SIGTERM");
  project.release();
  expect((await call).pid).toBe(pid);
  await command.printed('"how":"code 0"');
  expect((await project.call(1)).pid).not.toBe(pid);
}, 120_000);

test("a process is started again also where the folder of compiled code has gone, as after `npm ci`", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start(...HTTP);
  const [pid = 0] = await pidsOf(command);
  rmSync(join(project.files.directory, "node_modules", ".cache"), { recursive: true });
  process.kill(pid, "SIGKILL");
  await command.printed('"how":"SIGKILL"');
  expect((await project.call(1)).pid).not.toBe(pid);
}, 120_000);

test.each([["first"], ["last"]])(
  "a supervisor that signals every process, the command %s, ends all of them gracefully",
  async (when) => {
    const project = await createWorkerProject(inject("redisUrl"));
    const command = await project.start("--processes", "2", "--concurrency", "5", ...HTTP);
    const pids = await pidsOf(command);
    for (let i = 0; i < 10; i++) void project.hold();
    await atWork(command);
    const all = when === "first" ? [command.pid, ...pids] : [...pids, command.pid];
    for (const pid of all) process.kill(pid, "SIGTERM");
    project.release();
    await project.allAnswered();
    expect((await command.ended).code).toBe(0);
  },
  60_000,
);

test("a second signal ends the processes at once, too", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--processes", "2", ...HTTP);
  const pids = await pidsOf(command);
  void project.call(600_000).catch(() => undefined);
  await atWork(command, 1);
  command.kill("SIGTERM");
  await command.printed("SIGTERM, waiting for 1 running handler; a second signal ends it at once");
  expect((await ask(command, "/readyz")).code).toBe(503);
  // Two signals within a moment are one that arrived twice.
  await sleep(300);
  command.kill("SIGTERM");
  expect((await command.ended).code).toBe(143);
  await eventually("the processes to be gone", () => !pids.some(isAlive));
}, 120_000);

test("--shutdown-timeout bounds how long a running handler is waited for", async () => {
  const project = await createWorkerProject(inject("redisUrl"));
  const command = await project.start("--shutdown-timeout", "100ms", ...HTTP);
  void project.call(600_000).catch(() => undefined);
  await atWork(command, 1);
  command.kill("SIGTERM");
  const { code, stdout } = await command.ended;
  expect(stdout).toContain("their messages given back");
  expect(code).toBe(0);
}, 120_000);
