/** Watching generates again after each change. */
import fs from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { expect, onTestFinished, test, vi } from "vitest";
import { watch, type Report } from "../../generator/index.js";
import { contract, createProject } from "./project.js";

test("a change, a new file, a mistake and its repair are each followed by a report", async () => {
  const project = await createProject({
    "contracts/a.ts": contract("export const one = actor({ input: z.string() });"),
    "contracts/deep/b.ts": contract("export const two = actor({ input: z.string() });"),
  });
  const reports: Report[] = [];
  const watcher = await watch(
    { root: project.root, contracts: "contracts", generated: "generated", handlers: "handlers" },
    (report, milliseconds) => {
      expect(milliseconds).toBeGreaterThan(0);
      reports.push(report);
    },
  );
  onTestFinished(() => watcher.close());
  expect(reports[0]).toMatchObject({ actors: 2, problems: [] });

  const until = (condition: (report: Report) => boolean) =>
    vi.waitFor(() => expect(reports.some(condition)).toBe(true), { timeout: 20_000, interval: 50 });

  await project.write({ "contracts/deep/b.ts": contract("export const two = actor({ input: z.number() });") });
  await until(
    ({ written }) => written.includes("generated/actors/deep/b.d.ts") && !written.includes("generated/actors/a.d.ts"),
  );
  expect(await project.read("generated/actors/deep/b.d.ts")).toContain("input: number;");

  await project.write({ "contracts/new/c.ts": contract("export const three = actor({ input: z.string() });") });
  await until(({ actors }) => actors === 3);

  await project.write({
    "contracts/a.ts": contract("export const one = actor({ input: z.string(), queu: 1 } as never);"),
  });
  await until(({ problems }) => problems[0]?.code === "CB3001");

  reports.length = 0;
  await project.write({ "contracts/a.ts": contract("export const one = actor({ input: z.boolean() });") });
  await until(({ written }) => written.includes("generated/actors/a.d.ts"));

  await project.remove("contracts/new");
  await until(({ removed }) => removed.includes("generated/actors/new/c.d.ts"));
}, 60_000);

test("sources outside of the folder are watched too, and a folder that is not there yet is waited for", async () => {
  const project = await createProject({
    "src/money.ts": 'import { z } from "zod";\nexport const money = z.string();\n',
  });
  const reports: Report[] = [];
  const watcher = await watch(
    { root: project.root, contracts: "contracts", generated: "generated", handlers: "handlers" },
    (report) => reports.push(report),
  );
  onTestFinished(() => watcher.close());
  expect(reports[0]?.problems[0]?.code).toBe("CB1005");
  const until = (condition: (report: Report) => boolean) =>
    vi.waitFor(() => expect(reports.some(condition)).toBe(true), { timeout: 20_000, interval: 50 });

  await project.write({
    "contracts/a.ts": contract(
      'import { money } from "../src/money.js";',
      "export const pay = actor({ input: money });",
    ),
  });
  await until(({ actors }) => actors === 1);
  reports.length = 0;
  await project.write({ "src/money.ts": 'import { z } from "zod";\nexport const money = z.int();\n' });
  await until(({ written }) => written.includes("generated/actors/a.d.ts"));
  expect(await project.read("generated/actors/a.d.ts")).toContain("input: number;");
}, 60_000);

test("a file that is replaced by another, as editors save, is seen each time; so is a folder that comes again", async () => {
  const file = (type: string) => contract(`export const one = actor({ input: ${type} });`);
  const project = await createProject({ "contracts/deep/a.ts": file("z.string()") });
  const reports: Report[] = [];
  const watcher = await watch(
    { root: project.root, contracts: "contracts", generated: "generated", handlers: "handlers" },
    (report) => reports.push(report),
  );
  onTestFinished(() => watcher.close());
  const untilInput = (type: string) =>
    vi.waitFor(async () => expect(await project.read("generated/actors/deep/a.d.ts")).toContain(`input: ${type};`), {
      timeout: 20_000,
      interval: 50,
    });
  for (const type of ["number", "boolean", "string", "number"]) {
    await project.write({ "draft.ts": file(`z.${type}()`) });
    await rename(project.path("draft.ts"), project.path("contracts/deep/a.ts"));
    await untilInput(type);
  }

  await project.remove("contracts");
  await vi.waitFor(() => expect(reports.at(-1)?.problems[0]?.code).toBe("CB1005"), { timeout: 20_000 });
  for (const type of ["string", "boolean"]) {
    await project.write({ "contracts/deep/a.ts": file(`z.${type}()`) });
    await untilInput(type);
  }
}, 60_000);

test("a contract that comes into a new folder is seen, however long after the folder", async () => {
  const project = await createProject({
    "contracts/a.ts": contract("export const one = actor({ input: z.string() });"),
  });
  const reports: Report[] = [];
  const watcher = await watch(
    { root: project.root, contracts: "contracts", generated: "generated", handlers: "handlers" },
    (report) => reports.push(report),
  );
  onTestFinished(() => watcher.close());
  // After some fifty milliseconds of quiet the folders are read, and then watched.
  const delays = [0, 52, 56, 60, 64, 68, 72, 100];
  for (const [index, delay] of delays.entries()) {
    await mkdir(project.path(`contracts/new${index}`));
    await new Promise((resolve) => setTimeout(resolve, delay));
    await project.write({
      [`contracts/new${index}/b.ts`]: contract("export const two = actor({ input: z.string() });"),
    });
    await vi.waitFor(() => expect(reports.at(-1)?.actors).toBe(index + 2), { timeout: 20_000, interval: 50 });
  }
}, 60_000);

test("a source outside of the folder that does not compile, or is not there, is followed to its repair", async () => {
  const project = await createProject({
    "lib/money.ts": "export const money = ;",
    "lib/deep/other.ts": "",
    "contracts/a.ts": contract(
      'import { money } from "../lib/money.js";',
      "export const pay = actor({ input: money });",
    ),
  });
  const reports: Report[] = [];
  const watcher = await watch(
    { root: project.root, contracts: "contracts", generated: "generated", handlers: "handlers" },
    (report) => reports.push(report),
  );
  onTestFinished(() => watcher.close());
  expect(reports[0]?.problems[0]).toMatchObject({ code: "CB1001", file: "lib/money.ts" });
  await project.write({ "lib/money.ts": 'export { money } from "./deep/money.js";' });
  const until = (condition: (report: Report) => boolean) =>
    vi.waitFor(() => expect(reports.some(condition)).toBe(true), { timeout: 20_000, interval: 50 });
  await until(({ problems }) => problems[0]?.message.includes('Could not resolve "./deep/money.js"') === true);
  await project.write({ "lib/deep/money.ts": 'import { z } from "zod";\nexport const money = z.int();\n' });
  await until(({ written }) => written.includes("generated/actors/a.d.ts"));
}, 60_000);

test("a source outside of the folder that is saved while it is first read is seen", async () => {
  const project = await createProject({
    "lib/money.ts": 'import { z } from "zod";\nexport const money = z.string();\n',
  });
  const marker = project.path("loading");
  await project.write({
    "contracts/a.ts": contract(
      'import { writeFileSync } from "node:fs";',
      'import { money } from "../lib/money.js";',
      `writeFileSync(${JSON.stringify(marker)}, "");`,
      "await new Promise((resolve) => setTimeout(resolve, 1000));",
      "export const pay = actor({ input: money });",
    ),
  });
  const reports: Report[] = [];
  const watching = watch(
    { root: project.root, contracts: "contracts", generated: "generated", handlers: "handlers" },
    (report) => reports.push(report),
  );
  await vi.waitFor(async () => expect(await project.read("loading")).toBe(""), { timeout: 20_000 });
  expect(reports).toEqual([]);
  await project.write({ "lib/money.ts": 'import { z } from "zod";\nexport const money = z.int();\n' });
  const watcher = await watching;
  onTestFinished(() => watcher.close());
  await vi.waitFor(async () => expect(await project.read("generated/actors/a.d.ts")).toContain("input: number;"), {
    timeout: 20_000,
    interval: 50,
  });
}, 60_000);

test("that the system watches no more folders is a note", async () => {
  const project = await createProject({
    "contracts/a.ts": contract("export const one = actor({ input: z.string() });"),
  });
  const { watch: watchPath } = fs;
  fs.watch = () => {
    throw Object.assign(new Error("ENOSPC: System limit for number of file watchers reached"), { code: "ENOSPC" });
  };
  syncBuiltinESMExports();
  onTestFinished(() => {
    fs.watch = watchPath;
    syncBuiltinESMExports();
  });
  const reports: Report[] = [];
  const watcher = await watch(
    { root: project.root, contracts: "contracts", generated: "generated", handlers: "handlers" },
    (report) => reports.push(report),
  );
  await watcher.close();
  expect(reports[0]?.notes).toContain(
    `changes in ${project.path("contracts")} will not be seen: too many folders are watched on this machine ` +
      "(raise fs.inotify.max_user_watches)",
  );
});

test("after it is closed nothing is generated any more", async () => {
  const project = await createProject({
    "contracts/a.ts": contract("export const one = actor({ input: z.string() });"),
  });
  const reports: Report[] = [];
  const watcher = await watch(
    { root: project.root, contracts: "contracts", generated: "generated", handlers: "handlers" },
    (report) => reports.push(report),
  );
  await watcher.close();
  await project.write({ "contracts/a.ts": contract("export const one = actor({ input: z.number() });") });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(reports).toHaveLength(1);
});

test("closed in the middle of a run, it leaves nothing behind that would keep the process", async () => {
  const slow = (type: string) =>
    contract(
      'import { writeFileSync } from "node:fs";',
      `writeFileSync(${JSON.stringify(marker)}, ${JSON.stringify(type)});`,
      "await new Promise((resolve) => setTimeout(resolve, 500));",
      `export const one = actor({ input: ${type} });`,
    );
  const project = await createProject({});
  const marker = project.path("loading");
  await project.write({ "contracts/a.ts": slow("z.string()") });
  const watched = () => process.getActiveResourcesInfo().filter((name) => name === "FSEventWrap").length;
  const before = watched();
  const watcher = await watch(
    { root: project.root, contracts: "contracts", generated: "generated", handlers: "handlers" },
    () => {},
  );
  expect(watched()).toBeGreaterThan(before);
  await project.write({ "contracts/a.ts": slow("z.number()") });
  await vi.waitFor(async () => expect(await project.read("loading")).toBe("z.number()"), { timeout: 20_000 });
  await watcher.close();
  expect(watched()).toBe(before);
}, 60_000);
