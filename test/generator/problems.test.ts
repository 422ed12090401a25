/** Everything that can be wrong is said at once, each with its code, its place and what to do. */
import { readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatProblem, problemCodes, readConfig, type GenerateOptions } from "../../generator/index.js";
import { contract, createProject, repository, summary, type Files } from "./project.js";

interface Case {
  readonly title: string;
  readonly files: Files;
  /** Links by their paths, each with the path that it leads to. */
  readonly links?: Files;
  readonly options?: Partial<GenerateOptions>;
  /** Each problem: code, place and the beginning of its message. */
  readonly problems: readonly string[];
}

const fine = contract("export const fine = actor({ input: z.string() });");

const cases: readonly Case[] = [
  {
    title: "a syntax error",
    files: { "contracts/a.ts": contract("export const a = actor({ input: z.string( });"), "contracts/b.ts": fine },
    problems: ["CB1001 contracts/a.ts:3:43 Unexpected"],
  },
  {
    title: "an import of nothing",
    files: { "contracts/a.ts": contract('import { b } from "./missing.js";', "export const a = actor({ input: b });") },
    problems: ['CB1001 contracts/a.ts:3:19 Could not resolve "./missing.js"'],
  },
  {
    title: "a contract that throws, also where others import it",
    files: {
      "contracts/a.ts": contract(
        "",
        "export const a = actor({ input: z.string() });",
        "",
        'throw new TypeError("no");',
      ),
      "contracts/b.ts": contract('import "./a.js";', "export const b = actor({ input: z.string() });"),
    },
    problems: ["CB1002 contracts/a.ts:6:7 Loading contracts/a.ts failed: TypeError: no"],
  },
  {
    title: "a contract that throws inside of zod",
    files: {
      "contracts/a.ts": contract(
        "export const input =",
        "  z.discriminatedUnion('kind', [z.string() as never]);",
        "input.parse(1);",
        "export const a = actor({ input });",
      ),
    },
    problems: ["CB1002 contracts/a.ts:"],
  },
  {
    title: "a progress that cannot travel, one that is no schema, and one that is not to be tracked",
    files: {
      "contracts/a.ts": contract(
        "export const a = actor({ input: z.string(), progress: z.object({ done: z.symbol() }) });",
        "export const b = actor({ input: z.string(), progress: Number as never });",
        "export const c = actor({ input: z.string(), progress: z.number(), track: false });",
      ),
    },
    problems: [
      'CB4001 contracts/a.ts:3:55 a.a: "done" of its progress holds a symbol, which cannot travel as JSON.',
      'CB3002 contracts/a.ts:4:55 a.b: "progress" must be a zod 4 schema; leave it out where there is no progress',
      'CB3003 contracts/a.ts:5:67 a.c: "track" cannot be false where there is a "progress".',
    ],
  },
  {
    title: "a contract that ends the process",
    files: { "contracts/a.ts": contract("export const a = actor({ input: z.string() });", "process.exit(3);") },
    problems: ["CB1002 contracts/a.ts:4:9 Loading contracts/a.ts failed: Error: process.exit(3) was called"],
  },
  {
    title: "a contract that never ends",
    files: {
      "contracts/a.ts": fine,
      "contracts/b.ts": contract("for (;;);", "export const b = actor({ input: z.string() });"),
    },
    options: { loadTimeLimit: 2000 },
    problems: ["CB1003 contracts/b.ts:1:1 contracts/b.ts did not finish loading within 2000 ms"],
  },
  {
    title: "a contract that waits for ever",
    files: {
      "contracts/b.ts": contract(
        "await new Promise(() => undefined);",
        "export const b = actor({ input: z.string() });",
      ),
    },
    options: { loadTimeLimit: 2000 },
    problems: ["CB1003 contracts/b.ts:1:1 contracts/b.ts did not finish loading"],
  },
  {
    title: "an export that stops being an actor",
    files: { "contracts/a.ts": contract("export let a: unknown = actor({ input: z.string() });", "a = 1;") },
    problems: ['CB1004 contracts/a.ts:3:12 "a" is declared as an actor, and is something else'],
  },
  {
    title: "a contract that is a link",
    files: { "shared/a.ts": fine, "contracts/b.ts": fine },
    links: { "contracts/a.ts": "shared/a.ts" },
    problems: ["CB1006 contracts/a.ts:1:1 contracts/a.ts is a link, or in a folder that is one."],
  },
  {
    title: "a contracts folder that is a link",
    files: { "shared/a.ts": fine },
    links: { contracts: "shared" },
    problems: ["CB1006 contracts/a.ts:1:1 contracts/a.ts is a link, or in a folder that is one."],
  },
  { title: "no contracts folder", files: {}, problems: ['CB1005 package.json:0:0 There is no folder "contracts" in '] },
  {
    title: "two actors of one name",
    files: {
      "contracts/a.ts": fine,
      "contracts/b.ts": contract("", 'export const other = actor({ input: z.string(), name: "a.fine" });'),
    },
    problems: ['CB2001 contracts/b.ts:4:14 "a.fine" is also the name of the actor at contracts/a.ts:3:14.'],
  },
  {
    title: "an actor whose exhausted retries are told to one that no file exports",
    files: {
      "contracts/a.ts": contract(
        'import { hidden } from "../hidden.js";',
        'import { shown } from "./b.js";',
        "export const a = actor({ input: z.string(), onRetryExhausted: hidden });",
        "export const b = actor({ input: z.string(), onRetryExhausted: shown });",
        'export const c = actor({ input: z.string(), onRetryExhausted: "b.shown" as never });',
      ),
      "contracts/b.ts": contract("export const shown = actor({ input: z.unknown() });"),
      "hidden.ts": contract("export const hidden = actor({ input: z.unknown() });"),
    },
    problems: [
      'CB3002 contracts/a.ts:5:63 a.a: "onRetryExhausted" must be a contract that a file of the contracts folder',
      'CB3002 contracts/a.ts:7:63 a.c: "onRetryExhausted" must be a contract: what actor() returned',
    ],
  },
  {
    title: "actors that disagree on their queue's partitions, and a queue with the name of a partition",
    files: {
      "contracts/a.ts": contract('export const a = actor({ input: z.string(), queue: "q", partitions: 4 });'),
      "contracts/b.ts": contract(
        'export const b = actor({ input: z.string(), queue: "q", partitions: 8 });',
        'export const c = actor({ input: z.string(), queue: "q" });',
        'export const d = actor({ input: z.string(), queue: "q.3" });',
        'export const e = actor({ input: z.string(), queue: "q.4" });',
      ),
    },
    problems: [
      'CB2006 contracts/b.ts:3:14 The queue "q" has 8 partitions for b.b and 4 partitions for a.a.',
      'CB2006 contracts/b.ts:4:14 The queue "q" has no partitions for b.c and 4 partitions for a.a.',
      'CB2006 contracts/b.ts:5:14 "q.3" is the name of a partition of "q", the queue of a.a.',
    ],
  },
  {
    title: "schedules that are never due, in no time zone, or without an input that fits",
    files: {
      "contracts/a.ts": contract(
        "const input = z.object({ n: z.number().optional() });",
        'export const a = actor({ input, schedule: "0 0 30 2 *" });',
        'export const b = actor({ input, schedule: "61 * * * *" });',
        'export const c = actor({ input, schedule: { cron: "0 3 * * *", timeZone: "Europe/Atlantis" } });',
        'export const d = actor({ input, schedule: { cron: "0 3 * * *", input: { n: "x" } } as never });',
        'export const e = actor({ input, schedule: ["0 3 * * *", { corn: "0 4 * * *" } as never] });',
        'export const f = actor({ input, schedule: { cron: "0 3 * * *", input: () => { throw new Error("no"); } } });',
        'export const g = actor({ input: z.string(), schedule: "0 3 * * *" as never });',
        'export const h = actor({ input, schedule: "2030-01-01T00:00:00" });',
        "export const i = actor({ input, schedule: 5 as never });",
        'export const j = actor({ input, schedule: [{ cron: "@daily", name: "x" }, { cron: "@hourly", name: "x" }] });',
        'export const fine = actor({ input, schedule: ["@daily", { cron: "*/5 * * * * *", input: async () => ({}) }] });',
      ),
    },
    problems: [
      'CB3002 contracts/a.ts:4:43 a.a: "schedule": The cron expression "0 0 30 2 *" is never due.',
      'CB3002 contracts/a.ts:5:43 a.b: "schedule": "61 * * * *" is no cron expression: Invalid value for minute: 61.',
      'CB3002 contracts/a.ts:6:43 a.c: "schedule": There is no time zone "Europe/Atlantis". Write it as in "Europe/Berlin".',
      'CB3002 contracts/a.ts:7:43 a.d: "schedule": Its input does not fit the contract: n: Invalid input',
      'CB3002 contracts/a.ts:8:43 a.e: "schedule": there is no option "corn" of it. Did you mean "cron"?',
      'CB3002 contracts/a.ts:9:43 a.f: "schedule": The function "input" threw: Error: no',
      'CB3002 contracts/a.ts:10:55 a.g: "schedule": It has no "input", and {} does not fit the contract: Invalid input',
      'CB3002 contracts/a.ts:11:43 a.h: "schedule": "2030-01-01T00:00:00" is a date, not a cron expression.',
      'CB3002 contracts/a.ts:12:43 a.i: "schedule" must be a cron expression, { cron',
      'CB3002 contracts/a.ts:13:43 a.j: "schedule": two of them have the name "x".',
    ],
  },
  {
    title: "unique messages without a key, with a wrong time, and with what there is not",
    files: {
      "contracts/a.ts": contract(
        'export const a = actor({ input: z.string(), unique: "10m" });',
        'export const b = actor({ input: z.string(), unique: { for: "10m" } });',
        'export const c = actor({ input: z.string(), unique: { key: (text) => text, for: "0s" } });',
        'export const d = actor({ input: z.string(), unique: { key: (text) => text, for: "1d", mod: "drop" } });',
        'export const e = actor({ input: z.string(), unique: { key: (text) => text, for: "1d", mode: "keep" } });',
      ),
    },
    problems: [
      'CB3002 contracts/a.ts:3:53 a.a: "unique" must be { key, for, mode, freeAtEnd }',
      'CB3002 contracts/a.ts:4:53 a.b: "unique": its "key" must be a function of the input; it is undefined.',
      'CB3002 contracts/a.ts:5:53 a.c: "unique": its "for" must be a duration of at most ten years, more than 0',
      'CB3002 contracts/a.ts:6:53 a.d: "unique": there is no option "mod" of it. Did you mean "mode"?',
      'CB3002 contracts/a.ts:7:53 a.e: "unique": its "mode" must be "drop", "replace" or "debounce"; it is "keep".',
    ],
  },
  {
    title: "partitions that are wrong",
    files: {
      "contracts/a.ts": contract(
        "export const a = actor({ input: z.string(), partitions: 1 });",
        'export const b = actor({ input: z.string(), partitions: 65, queue: "q" });',
        "export const c = actor({ input: z.string(), partitionKey: (text) => text });",
      ),
    },
    problems: [
      'CB3002 contracts/a.ts:3:57 a.a: "partitions" must be a whole number from 2 to 64',
      'CB3002 contracts/a.ts:4:57 a.b: "partitions" must be a whole number from 2 to 64',
      'CB3003 contracts/a.ts:5:45 a.c: "partitionKey" has no meaning without "partitions".',
    ],
  },
  {
    title: "limits that are wrong",
    files: {
      "contracts/a.ts": contract(
        "export const a = actor({ input: z.string(), concurrencyLimit: 0 });",
        'export const b = actor({ input: z.string(), rateLimit: { limit: 5, per: "soon" as never } });',
      ),
    },
    problems: [
      'CB3002 contracts/a.ts:3:63 a.a: "concurrencyLimit": its "limit" must be a whole number, 1 or more; it is 0.',
      'CB3002 contracts/a.ts:4:56 a.b: "rateLimit": its "per" must be a duration of one millisecond or more',
    ],
  },
  {
    title: "two files of one group",
    files: { "contracts/user-mail.ts": fine, "contracts/user/mail.ts": fine.replace("fine", "good") },
    problems: [
      'CB2002 contracts/user/mail.ts:1:1 contracts/user/mail.ts and contracts/user-mail.ts both make the group "userMail".',
    ],
  },
  {
    title: "two files that differ only in their extensions",
    files: { "contracts/mail.ts": fine, "contracts/mail.mts": fine.replace("fine", "good") },
    problems: ["CB2002 contracts/mail.ts:1:1 contracts/mail.ts and contracts/mail.mts make the same files."],
  },
  {
    title: "one actor exported twice",
    files: { "contracts/a.ts": contract("const a = actor({ input: z.string() });", "export { a, a as b };") },
    problems: ['CB2003 contracts/a.ts:4:18 "b" and "a" of contracts/a.ts are the same actor.'],
  },
  {
    title: "a default export and a reserved word",
    files: {
      "contracts/a.ts": contract(
        "export default actor({ input: z.string() });",
        "const x = actor({ input: z.string() });",
        "export { x as delete };",
      ),
    },
    problems: [
      "CB2004 contracts/a.ts:3:1 An actor is the default export of contracts/a.ts.",
      'CB2004 contracts/a.ts:5:15 "delete" is a reserved word, or no identifier.',
    ],
  },
  {
    title: "files whose names make no identifier",
    files: { "contracts/2024.ts": fine, "contracts/create-client.ts": fine },
    problems: [
      'CB2005 contracts/2024.ts:1:1 "2024" makes "2024", which is no identifier.',
      'CB2005 contracts/create-client.ts:1:1 "createClient" is what generated code exports itself.',
    ],
  },
  {
    title: "options that are unknown, wrong and at odds, all at once",
    files: {
      "contracts/a.ts": contract(
        "export const a = actor({",
        "  input: z.string(),",
        "  // @ts-expect-error unknown",
        "  maxRetrys: 3,",
        "});",
        "export const b = actor({ input: z.string(), priority: 10 as 9, maxRetries: -1 });",
        'export const c = actor({ input: z.string(), minBackoff: "2h", maxBackoff: "1h" });',
        'export const d = actor({ input: z.string(), resultTtl: "1h" });',
        "export const e = actor({} as never);",
        "const shared = { queue: 'not good' };",
        "export const f = actor({ ...shared, input: z.string() });",
        'import * as z3 from "zod/v3";',
        "export const g = actor({ input: z3.string() as never });",
      ),
    },
    problems: [
      'CB3001 contracts/a.ts:6:3 a.a: There is no option "maxRetrys". Did you mean "maxRetries"?',
      'CB3002 contracts/a.ts:8:55 a.b: "priority" must be a whole number from 0 to 9; it is 10.',
      'CB3002 contracts/a.ts:8:76 a.b: "maxRetries" must be a whole number, 0 or more; it is -1.',
      'CB3003 contracts/a.ts:9:45 a.c: "minBackoff" (7200000 ms) is longer than "maxBackoff" (3600000 ms).',
      'CB3003 contracts/a.ts:10:45 a.d: "resultTtl" has no meaning without an "output" or "track".',
      'CB3002 contracts/a.ts:11:18 a.e: "input" is missing: a zod 4 schema.',
      'CB3002 contracts/a.ts:12:25 a.f: "queue" must be ',
      'CB3002 contracts/a.ts:15:33 a.g: "input" is a zod 3 schema; it must be one of zod 4: import { z } from "zod".',
    ],
  },
  {
    title: "schemas that cannot travel",
    files: {
      "contracts/a.ts": contract(
        "class Money {}",
        "export const a = actor({ input: z.object({ deep: z.array(z.object({ call: z.function() })) }) });",
        "export const b = actor({ input: z.symbol(), output: z.void() });",
        "export const c = actor({ input: z.instanceof(Money) });",
        "export const d = actor({ input: z.object({ file: z.file(), later: z.promise(z.string()), buffer: z.instanceof(Buffer) }) });",
        "export const e = actor({ input: z.undefined() });",
        "export const f = actor({ input: z.array(z.string().optional()) });",
        "export const g = actor({ input: z.nan() });",
        "export const h = actor({ input: z.custom<() => void>() });",
        "export const i = actor({ input: z.string(), output: z.map(z.string(), z.symbol()) });",
        "export const j = actor({ input: z.custom<{ when: Promise<Date> }>() });",
        "export const k = actor({ input: z.function() });",
      ),
    },
    problems: [
      'CB4001 contracts/a.ts:4:33 a.a: "deep[].call" of its input holds a function, which cannot travel as JSON.',
      "CB4001 contracts/a.ts:5:33 a.b: its input holds a symbol, which cannot travel as JSON.",
      "CB4001 contracts/a.ts:5:53 a.b: its output holds void, which cannot travel as JSON.",
      "CB4001 contracts/a.ts:6:33 a.c: its input holds an instance of Money, which cannot travel as JSON.",
      'CB4001 contracts/a.ts:7:33 a.d: "buffer" of its input holds an instance of Buffer',
      'CB4001 contracts/a.ts:7:33 a.d: "file" of its input holds a File',
      'CB4001 contracts/a.ts:7:33 a.d: "later" of its input holds a promise',
      "CB4001 contracts/a.ts:8:33 a.e: its input holds undefined",
      'CB4001 contracts/a.ts:9:33 a.f: "[]" of its input holds undefined inside a list',
      "CB4001 contracts/a.ts:10:33 a.g: its input holds NaN",
      "CB4001 contracts/a.ts:11:33 a.h: its input holds a function",
      'CB4001 contracts/a.ts:12:53 a.i: "(value)" of its output holds a symbol',
      'CB4001 contracts/a.ts:13:33 a.j: "when" of its input holds a promise',
      "CB4001 contracts/a.ts:14:33 a.k: its input holds a function",
    ],
  },
  {
    title: "types that cannot be printed",
    files: {
      "contracts/a.ts": contract(
        "class Money { constructor(readonly cents: number) {} }",
        "export const a = actor({ input: z.number().transform((cents) => new Money(cents)) });",
        "export const b = actor({ input: z.string().transform((text) => () => text) });",
        "export const c: unknown = actor({ input: z.custom<string>() });",
        "export const d = actor({ input: z.string().transform((text) => missing(text)) });",
        "declare function missing(text: string): Nowhere;",
      ),
    },
    problems: [
      "CB4002 contracts/a.ts:4:33 a.a: the type of its input holds an instance of the class Money.",
      "CB4002 contracts/a.ts:5:33 a.b: the type of its input holds a function.",
      'CB4002 contracts/a.ts:6:42 a.c: the type of its input cannot be told: "c" has the type "unknown", not that of actor().',
      "CB4002 contracts/a.ts:7:33 a.d: the type of its input does not compile.",
    ],
  },
  {
    title: "a generated folder that is somebody's own",
    files: { "contracts/a.ts": fine, "generated/mine.ts": "export {};\n" },
    problems: ["CB5001 generated:0:0 generated was not made by callboard, so it is left as it is."],
  },
  {
    title: "a folder that is a file",
    files: { "contracts/a.ts": fine, handlers: "no folder" },
    problems: ["CB5002 handlers:0:0 E"],
  },
  {
    title: "folders inside each other",
    files: { "contracts/a.ts": fine },
    options: { generated: "contracts/generated" },
    problems: ['CB5003 package.json:0:0 The folder of "generated" (contracts/generated) is inside that of "contracts"'],
  },
];

test.each(cases)("$title", async ({ files, links = {}, options, problems }) => {
  const project = await createProject(files);
  for (const [path, target] of Object.entries(links)) await symlink(project.path(target), project.path(path));
  const report = await project.generate(options);
  const found = report.problems.map(summary);
  expect(found).toEqual(problems.map((_, index) => expect.stringContaining(problems[index] ?? "") as string));
  expect(report.written).toEqual([]);
  for (const problem of report.problems) {
    expect(problem.help).not.toBe("");
    if (problem.line > 0) {
      const text = await project.read(problem.file);
      expect(problem.sourceLine).toBe(text.split("\n")[problem.line - 1]);
    }
  }
});

test("problems of all files are told at once, in the order of their places", async () => {
  const project = await createProject({
    "contracts/a.ts": contract("export const a = actor({ input: z.string(), queue: '' });"),
    "contracts/b.ts": contract("throw new Error('b');", "export const b = actor({ input: z.string() });"),
    "contracts/c.ts": contract("export const c = actor({ input: z.symbol() });"),
    "contracts/d.ts": contract("export const d = actor({;"),
    "contracts/e.ts": contract("export default actor({ input: z.string(), prio: 3 } as never);"),
  });
  const report = await project.generate();
  expect(report.problems.map(({ code, file }) => `${code} ${file}`)).toEqual([
    "CB3002 contracts/a.ts",
    "CB1002 contracts/b.ts",
    "CB4001 contracts/c.ts",
    "CB1001 contracts/d.ts",
    "CB2004 contracts/e.ts",
    "CB3001 contracts/e.ts",
  ]);
});

test("a default in a list is named as what cannot stay", async () => {
  const project = await createProject({
    "contracts/a.ts": contract('export const a = actor({ input: z.array(z.string().default("x")) });'),
  });
  const { problems } = await project.generate();
  expect(problems.map(({ help }) => help)).toEqual([
    "Use .nullable() in place of .optional() or .default(): JSON writes undefined in a list as null.",
  ]);
});

test("every code is provoked by a test and documented", async () => {
  const codes = Object.keys(problemCodes);
  const provoked = new Set(cases.flatMap(({ problems }) => problems.map((problem) => problem.slice(0, 6))));
  expect([...provoked].sort()).toEqual(codes);
  const page = await readFile(join(repository, "docs/generator.md"), "utf8");
  for (const [code, { title }] of Object.entries(problemCodes)) expect(page).toContain(`| \`${code}\` | ${title} |`);
});

test("a problem is shown with its line, a caret and what to do", async () => {
  const project = await createProject({
    "contracts/a.ts": contract("export const a = actor({", "\tinput: z.string(),", "\tqueu: 'x',", "} as never);"),
  });
  const [problem] = (await project.generate()).problems;
  if (problem === undefined) throw new Error("no problem");
  expect(formatProblem(problem, { color: false })).toBe(
    [
      'contracts/a.ts:5:2 error CB3001: a.a: There is no option "queu". Did you mean "queue"?',
      "",
      "  5 | \tqueu: 'x',",
      "    | \t^",
      "",
      "  help: Correct the option's name, or remove it.",
    ].join("\n"),
  );
  expect(formatProblem(problem, { color: true })).toContain("\u001b[31m^\u001b[39m");
});

test("the configuration is read over the defaults, and refused where it is wrong", async () => {
  const project = await createProject({});
  expect(readConfig(project.root)).toEqual({
    root: project.root,
    contracts: "contracts",
    generated: "generated",
    handlers: "handlers",
  });
  await project.write({ "package.json": '{ "callboard": { "handlers": "src/handlers" } }' });
  expect(readConfig(project.root).handlers).toBe("src/handlers");
  await project.write({ "package.json": '{ "callboard": { "handler": "x" } }' });
  expect(() => readConfig(project.root)).toThrow('"callboard" has no "handler". Did you mean "handlers"?');
  await project.write({ "package.json": '{ "callboard": { "handlers": 1 } }' });
  expect(() => readConfig(project.root)).toThrow('"handlers" of "callboard" must be the path of a folder');
  await project.write({ "package.json": "{" });
  expect(() => readConfig(project.root)).toThrow("is no JSON");
});
