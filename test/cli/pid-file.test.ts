/** `callboard worker --pid-file`: one worker at a time, and no file left behind. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCommand } from "../setup/command.js";
import { createProject, type Project } from "../setup/project.js";

const worker = `
  import { actor, memoryBroker } from "callboard";
  import { defineActor } from "callboard/client";
  import { createWorker } from "callboard/worker";
  import { z } from "zod";
  const nap = defineActor(actor({ input: z.number() }), { name: "demo.nap", fingerprint: "00000000" });
  export default createWorker(memoryBroker(), { demo: { nap } }, { demo: { nap: () => undefined } });
`;

const createWorkerProject = () => createProject({ "worker.ts": worker });
const read = (project: Project) => readFileSync(join(project.directory, "worker.pid"), "utf8");
const isThere = (project: Project) => existsSync(join(project.directory, "worker.pid"));
const args = ["worker", "worker.ts", "--pid-file", "worker.pid"];

test("the file holds the command's process id while it runs, and a second command is refused with 3", async () => {
  const project = createWorkerProject();
  const running = project.start(args);
  await running.printed("callboard worker: memory");
  expect(read(project)).toBe(`${running.pid}\n`);

  const { code, stdout, stderr } = await project.callboard(...args);
  expect(stderr.trim()).toBe(
    `callboard: Process ${running.pid} runs already, says worker.pid. Remove it if that is no worker.`,
  );
  expect(stdout).toBe("");
  expect(code).toBe(3);
  expect(read(project)).toBe(`${running.pid}\n`);

  running.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
  expect(isThere(project)).toBe(false);
});

test("it is removed after a worker that could not be started, too", async () => {
  const project = createProject({ "worker.ts": 'throw new Error("boom");' });
  expect((await project.callboard(...args)).code).toBe(1);
  expect(isThere(project)).toBe(false);
});

test("a file that a killed process left behind is replaced", async () => {
  const project = createWorkerProject();
  const dead = await runCommand(process.execPath, ["-p", "process.pid"], { cwd: project.directory });
  project.write("worker.pid", dead.stdout);
  const running = project.start(args);
  await running.printed("callboard worker: memory");
  expect(read(project)).toBe(`${running.pid}\n`);
});

test.each([["garbage"], [""], ["-5"], ["12 34"]])("a file that holds %j is left as it is", async (text) => {
  const project = createWorkerProject();
  project.write("worker.pid", text);
  const { code, stderr } = await project.callboard(...args);
  expect(stderr.trim()).toBe(
    "callboard: worker.pid holds no process id. Remove it, unless it is needed for something else.",
  );
  expect(code).toBe(3);
  expect(read(project)).toBe(text);
});

test("a place where no file can be is said with 1", async () => {
  const project = createWorkerProject();
  mkdirSync(join(project.directory, "folder"));
  for (const path of ["absent/worker.pid", "folder"]) {
    const { code, stderr } = await project.callboard("worker", "worker.ts", "--pid-file", path);
    expect(stderr).toMatch(/^callboard: The pid file cannot be used: E\w+: .*\n$/);
    expect(code).toBe(1);
  }
});

test("of several commands that start at once over a stale file, one runs", async () => {
  const project = createWorkerProject();
  const dead = await runCommand(process.execPath, ["-p", "process.pid"], { cwd: project.directory });
  project.write("worker.pid", dead.stdout);
  const commands = Array.from({ length: 4 }, () => project.start(args));
  const refused = await Promise.all(
    commands.map((command) =>
      Promise.race([
        command.ended.then(({ code }) => code),
        command.printed("callboard worker: memory").then(
          () => "running",
          () => "ended",
        ),
      ]),
    ),
  );
  expect(refused.filter((fate) => fate === "running")).toHaveLength(1);
  expect(refused.filter((fate) => fate === 3)).toHaveLength(3);
});
