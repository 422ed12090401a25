/** What is no problem and yet most likely an oversight is told in a note, and nothing else comes of it. */
import { mkdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { contract, createProject } from "./project.js";

const one = "export const one = actor({ input: z.string() });";
const two = "export const two = actor({ input: z.string() });";

/** A file of handlers that are written. */
const handlers = (group: string, ...names: readonly string[]) => {
  const type = `${group.charAt(0).toUpperCase()}${group.slice(1)}Handlers`;
  const methods = names.map((name) => `  ${name}() {},`);
  return [
    `import type { ${type} } from "../generated/worker.js";`,
    `export const ${group}: ${type} = {`,
    ...methods,
    "};",
    "",
  ].join("\n");
};

test("handlers whose contract is gone, and files of them, each time until they are gone too", async () => {
  const project = await createProject({
    "contracts/a.ts": contract(one, two),
    "contracts/b.ts": contract(one),
    "handlers/a.ts": handlers("a", "one", "two"),
    "handlers/b.ts": handlers("b", "one"),
    "handlers/helpers.ts": "export const helpers = { two() {} };\n",
  });
  expect((await project.generateWell()).notes).toEqual([]);
  await project.write({ "contracts/a.ts": contract(one) });
  await project.remove("contracts/b.ts");
  const notes = [
    "handlers/a.ts: `two` has no contract any more",
    "handlers/b.ts: the contract file of its BHandlers is gone",
  ];
  for (let run = 0; run < 3; run++) expect((await project.generateWell()).notes).toEqual(notes);
  expect((await project.generateWell({ check: true })).notes).toEqual(notes);

  await project.remove("handlers/b.ts");
  await project.write({ "handlers/a.ts": handlers("a", "one") });
  expect((await project.generateWell()).notes).toEqual([]);
});

test("stubs that nobody has filled in, in one line", async () => {
  const names = ["one", "two", "three", "four", "five", "six", "seven"];
  const project = await createProject({
    "contracts/a.ts": contract(...names.map((name) => one.replace("const one", `const ${name}`))),
  });
  const first = ["a.one", "a.two", "a.three", "a.four", "a.five"].join(", ");
  expect((await project.generateWell()).notes).toEqual([`7 handlers are not implemented yet: ${first} and 2 more`]);
  const filled = (await project.read("handlers/a.ts")).replace(/throw new .*one"\);/, "return;");
  await project.write({ "handlers/a.ts": filled });
  expect((await project.generateWell()).notes[0]).toMatch(/^6 handlers are not implemented yet: a\.two, /);
  await project.write({ "handlers/a.ts": handlers("a", ...names) });
  expect((await project.generateWell()).notes).toEqual([]);
});

test("a file of handlers that does not parse is left alone", async () => {
  const broken = "export const a: AHandlers = {\n  one() {\n};\n";
  const project = await createProject({ "contracts/a.ts": contract(one, two), "handlers/a.ts": broken });
  const report = await project.generateWell();
  expect(report.notes).toEqual(["handlers/a.ts:3:2 does not parse, so it was left alone: ',' expected."]);
  expect(await project.read("handlers/a.ts")).toBe(broken);
});

test("actors that are not exported", async () => {
  const project = await createProject({
    "contracts/a.ts": contract(one, "const two = actor({ input: z.string() });"),
    "contracts/b.ts": contract("export const actors = { one: actor({ input: z.string() }) };"),
    "contracts/make.ts": contract("export const make = () => actor({ input: z.string() });"),
    "contracts/used.ts": contract(
      "const local = actor({ input: z.string() });",
      "const other = actor({ input: z.string() });",
      "export { local as renamed };",
      "export const { used } = { used: other };",
    ),
    "handlers/a.ts": handlers("a", "one"),
    "handlers/used.ts": handlers("used", "renamed", "used"),
  });
  const report = await project.generateWell();
  expect(report.actors).toBe(3);
  expect(report.notes).toEqual([
    "contracts/a.ts:4:7: the actor `two` is not exported, so it is left out",
    "contracts/b.ts:3:30: actor() is called, and no actor is exported: one export is one actor",
  ]);
});

test("a folder without any contract", async () => {
  const project = await createProject({});
  await mkdir(project.path("contracts"));
  const notes = ['there is no actor in "contracts": export one from a .ts file there'];
  expect(await project.generateWell()).toMatchObject({ actors: 0, files: 0, notes });
  expect((await project.generateWell()).notes).toEqual(notes);
  expect(await project.typeCheck()).toBe("");
});
