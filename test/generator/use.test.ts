/** What is generated as its users meet it: in the editor, in the compiler, in another repository, in a bundle. */
import { cp, symlink } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { Project as SourceProject, ts } from "ts-morph";
import { expect, test } from "vitest";
import { contract, createProject, repository } from "./project.js";

const contracts = {
  "contracts/payments.ts": contract(
    "/**",
    " * Charges a customer's card.",
    " * @deprecated Use `pay`.",
    " */",
    "export const processPayment = actor({",
    "  input: z.object({ userId: z.string(), amount: z.number().positive().default(1) }),",
    "  output: z.object({ receiptId: z.string() }),",
    '  queue: "high-priority",',
    "});",
    "/** Tells. */",
    "export const tell = actor({ input: z.string() });",
  ),
  "contracts/web.ts": contract(
    "export const fetchUrl = actor({ input: z.url().describe('only-in-web'), output: z.bigint() });",
  ),
};

test("hovering shows the plain types and the comments, deprecation included", async () => {
  const source = [
    'import { createClient } from "../generated/client.js";',
    "declare const broker: Parameters<typeof createClient>[0];",
    "const client = createClient(broker);",
    "export const sent = client.payments.processPayment.send({ userId: 'u' });",
    "export const got = client.payments.processPayment.call({ userId: 'u' });",
    "export const told = client.payments.tell.send('x');",
    "",
  ].join("\n");
  const project = await createProject({ ...contracts, "src/app.ts": source });
  await project.generateWell();
  const sources = new SourceProject({ tsConfigFilePath: project.path("tsconfig.json") });
  const service = sources.getLanguageService().compilerObject;
  const file = project.path("src/app.ts");
  const hover = (name: string, from = 0) => {
    const info = service.getQuickInfoAtPosition(file, source.indexOf(name, from));
    const text = ts.displayPartsToString(info?.displayParts).replace(/\s+/g, " ");
    return { text, docs: ts.displayPartsToString(info?.documentation), tags: info?.tags?.map(({ name }) => name) };
  };
  expect(hover("send(").text).toContain("send(input: { userId: string; amount?: number | undefined; }");
  expect(hover("send(").text).toContain("Promise<Message<{ receiptId: string; }>>");
  expect(hover("call(").text).toContain("Promise<{ receiptId: string; }>");
  expect(hover("processPayment")).toMatchObject({ docs: "Charges a customer's card.", tags: ["deprecated"] });
  expect(hover("payments").docs).toBe("The actors of contracts/payments.ts.");
  expect(hover("send('x')").text).toContain("send(input: string");
  expect(
    service.getSuggestionDiagnostics(file).filter(({ reportsDeprecated }) => reportsDeprecated !== undefined),
  ).toHaveLength(2);
}, 60_000);

test("status and progress are there where the contract says so, and only there", async () => {
  const project = await createProject({
    "contracts/films.ts": contract(
      "export const develop = actor({",
      "  input: z.string(),",
      "  output: z.number(),",
      "  progress: z.object({ frame: z.number(), at: z.date(), note: z.string().default('') }),",
      "});",
      "export const cut = actor({ input: z.string(), track: true });",
      "export const show = actor({ input: z.string() });",
    ),
    "src/app.ts": [
      'import { createClient } from "../generated/client.js";',
      'import { createWorker, type FilmsHandlers } from "../generated/worker.js";',
      "declare const broker: Parameters<typeof createClient>[0];",
      "const { films } = createClient(broker);",
      "const developing = await films.develop.send('a');",
      "for await (const { frame, at, note } of developing.progress({ timeout: '1m' })) {",
      "  console.log(frame.toFixed(), at.getTime(), note.length);",
      "}",
      "console.log((await developing.status()).state, (await developing.result()).toFixed());",
      "const status = await films.cut.handle('id').status();",
      "if (status.state === 'running') console.log(status.since.getTime(), status.worker.pid);",
      "console.log(await (await films.show.send('a')).cancel());",
      "// @ts-expect-error it tells nothing of its progress",
      "void films.cut.handle('id').progress();",
      "// @ts-expect-error it is not tracked",
      "void films.show.handle('id').status();",
      "const handlers: FilmsHandlers = {",
      "  develop(_input, task) {",
      "    task.progress({ frame: 1, at: new Date() });",
      "    // @ts-expect-error a wrong progress",
      "    task.progress({ frame: '1', at: new Date() });",
      "    return 1;",
      "  },",
      "  cut(_input, task) {",
      "    // @ts-expect-error the contract has none",
      "    task.progress(1);",
      "  },",
      "  show() {},",
      "};",
      "createWorker(broker, { films: handlers });",
      "",
    ].join("\n"),
  });
  await project.generateWell();
  expect(await project.typeCheck()).toBe("");
  expect(await project.read("generated/actors/films.js")).toContain("taggedProgress: true");
});

test("a progress is no part of what travels to a worker: the fingerprint stays", async () => {
  const fingerprints = async (progress: string) => {
    const lines = [`export const a = actor({ input: z.string(), ${progress} });`];
    const project = await createProject({ "contracts/a.ts": contract(...lines) });
    await project.generateWell();
    return /fingerprint: "\w+"/.exec(await project.read("generated/actors/a.js"))?.[0];
  };
  const without = await fingerprints("");
  expect(without).toBeDefined();
  expect(await fingerprints("progress: z.number()")).toBe(without);
  expect(await fingerprints("track: true")).toBe(without);
});

test("the compiler refuses wrong inputs, missing and misspelt handlers, and results that nobody gives", async () => {
  const project = await createProject({
    ...contracts,
    "src/app.ts": [
      'import { createClient } from "../generated/client.js";',
      'import { createWorker, type PaymentsHandlers, type WebHandlers } from "../generated/worker.js";',
      "declare const broker: Parameters<typeof createClient>[0];",
      "declare const payments: PaymentsHandlers;",
      "declare const web: WebHandlers;",
      "const client = createClient(broker);",
      "// @ts-expect-error wrong input",
      "void client.payments.processPayment.send({ userId: 1 });",
      "// @ts-expect-error nobody answers",
      "void client.payments.tell.call('x');",
      "// @ts-expect-error no such actor",
      "void client.payments.refund;",
      "createWorker(broker, { payments, web });",
      "// @ts-expect-error a missing group",
      "createWorker(broker, { payments });",
      "// @ts-expect-error a missing handler",
      "createWorker(broker, { payments: { tell() {} }, web });",
      "// only the handlers of the queues that are named",
      "createWorker(broker, { payments: { processPayment: () => ({ receiptId: 'r' }) } }, { queues: ['high-priority'] });",
      "// @ts-expect-error that queue needs others",
      "createWorker(broker, { payments: { processPayment: () => ({ receiptId: 'r' }) } }, { queues: ['default'] });",
      "// @ts-expect-error no such queue",
      "createWorker(broker, { payments, web }, { queues: ['low'] });",
      "export const good: PaymentsHandlers = {",
      "  processPayment(input) { return { receiptId: input.userId + input.amount.toFixed(2) }; },",
      "  async tell(input) { await Promise.resolve(input.length); },",
      "};",
      "export const bad: PaymentsHandlers = {",
      "  // @ts-expect-error a wrong output",
      "  processPayment: () => ({ receipt: 'r' }),",
      "  tell() {},",
      "};",
      "export const misspelt: PaymentsHandlers = {",
      "  processPayment: () => ({ receiptId: 'r' }),",
      "  tell() {},",
      "  // @ts-expect-error no such handler",
      "  tel() {},",
      "};",
      "",
    ].join("\n"),
  });
  await project.generateWell();
  expect(await project.typeCheck()).toBe("");
});

test("a producer elsewhere needs the folder, callboard and zod, and reads no contract", async () => {
  const home = await createProject(contracts);
  await home.generateWell();
  const elsewhere = await createProject({
    "src/app.ts": [
      'import { createClient } from "../generated/client.js";',
      "declare const broker: Parameters<typeof createClient>[0];",
      "export const price: Promise<bigint> = createClient(broker).web.fetchUrl.call('https://example.com');",
      "",
    ].join("\n"),
  });
  await cp(home.path("generated"), elsewhere.path("generated"), { recursive: true });
  expect(await elsewhere.typeCheck()).toBe("");
  const files = (await elsewhere.typeCheck("--listFiles")).split("\n");
  expect(files.filter((path) => /contracts\/[\w.]+$/.test(path))).toEqual([]);
  expect(files.filter((path) => path.endsWith("generated/actors/web.d.ts"))).toHaveLength(1);
  expect(files.filter((path) => path.startsWith(home.root))).toEqual([]);
});

test("a bundler drops the contracts of actors that are not used", async () => {
  const project = await createProject({
    ...contracts,
    "src/app.ts":
      'import { processPayment } from "../generated/actors/payments.js";\nconsole.log(processPayment.name);\n',
    "src/one.ts": 'import { payments } from "../generated/client.js";\nconsole.log(payments.processPayment.name);\n',
  });
  await project.generateWell();
  for (const entry of ["src/app.ts", "src/one.ts"]) {
    const { outputFiles } = await build({
      absWorkingDir: project.root,
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      external: ["callboard", "callboard/*", "zod"],
      tsconfigRaw: {},
    });
    const text = outputFiles[0]?.text ?? "";
    expect(text).toContain("high-priority");
    expect(text).not.toContain("only-in-web");
  }
});

test("a partition's key is computed by the contract's own function, in the producer", async () => {
  const project = await createProject({
    "contracts/mails.ts": contract(
      'import { domain } from "./domain.js";',
      "export const send = actor({",
      "  input: z.object({ to: z.string() }),",
      '  queue: "mails",',
      "  partitions: 4,",
      "  partitionKey: ({ to }) => domain(to),",
      "});",
    ),
    "contracts/domain.ts": 'export const domain = (address: string) => address.split("@")[1] ?? "";\n',
    "src/app.ts": [
      'import { memoryBroker } from "callboard";',
      'import { createClient } from "../generated/client.js";',
      'import { createWorker } from "../generated/worker.js";',
      "const broker = memoryBroker();",
      "const inputs = ['ada@a.example', 'grace@a.example', 'ada@b.example'].map((to) => ({ to }));",
      "const sent = await createClient(broker).mails.send.sendMany(inputs);",
      "const worker = createWorker(broker, { mails: { send() {} } }, { queues: ['mails'] });",
      "export const found = { queues: sent.map(({ queue }) => queue), taken: worker.queues };",
      "",
    ].join("\n"),
  });
  await project.generateWell();
  expect(await project.typeCheck()).toBe("");
  const outfile = project.path("app.mjs");
  const entryPoints = [project.path("src/app.ts")];
  await build({ entryPoints, outfile, bundle: true, format: "esm", platform: "node", packages: "external" });
  const { found } = (await import(pathToFileURL(outfile).href)) as { readonly found: unknown };
  // zlib.crc32 of "a.example" and of "b.example", modulo 4
  expect(found).toEqual({ queues: ["mails.0", "mails.0", "mails.1"], taken: ["mails"] });
});

test("generated code can be emitted file by file, with explicit types on all exports", async () => {
  const project = await createProject(contracts);
  await project.generateWell();
  const complaints = await project.typeCheck("--isolatedDeclarations", "--declaration", "--erasableSyntaxOnly");
  expect(complaints.split("\n").filter((line) => /\b(generated|handlers)\//.test(line))).toEqual([]);
});

test("a project that is callboard itself can generate", async () => {
  const project = await createProject({
    ...contracts,
    "package.json": JSON.stringify({ name: "callboard", type: "module", exports: { ".": "./callboard.js" } }),
    "callboard.js": 'export const actor = (options) => ({ [Symbol.for("callboard.contract")]: true, options });\n',
  });
  await project.remove("node_modules/callboard");
  await symlink(join(repository, "node_modules/zod"), project.path("zod"), "junction");
  expect((await project.generateWell()).actors).toBe(3);
});
