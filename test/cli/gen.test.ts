import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createProject, type Project } from "../setup/project.js";

const contract = (amount = "z.number()") => `
  import { actor } from "callboard";
  import { z } from "zod";

  /** Charges a customer's card. */
  export const processPayment = actor({ input: z.object({ amount: ${amount} }), output: z.string() });
`;

const createContracts = (text = contract()): Project => createProject({ "contracts/payments.ts": text });

const read = (project: Project, path: string) => readFileSync(join(project.directory, path), "utf8");

test("gen names the files that it wrote, and the next time says that nothing changed", async () => {
  const project = createContracts();
  const first = await project.callboard("gen");
  expect(first.stderr).toBe("");
  expect(first.stdout).toMatch(/wrote +generated\/client\.ts/);
  expect(first.stdout).toMatch(/wrote +handlers\/payments\.ts/);
  expect(first.stdout).toMatch(/1 actor in 1 contract file: \d+ files written, 0 unchanged \(\d+ ms\)/);
  expect(first.code).toBe(0);
  expect(read(project, "generated/client.ts")).toContain("GroupClient<typeof payments>");

  const second = await project.callboard("gen");
  expect(second.stdout).toMatch(/^1 actor in 1 contract file: \d+ unchanged \(\d+ ms\)$/m);
  expect(second.stdout).not.toContain("wrote");
  expect(second.code).toBe(0);
});

test("gen --check is green after gen; after an edit it names each stale file, writes nothing and exits with 1", async () => {
  const project = createContracts();
  await project.callboard("gen");
  expect((await project.callboard("gen", "--check")).code).toBe(0);

  project.write("contracts/payments.ts", contract("z.string()"));
  const before = read(project, "generated/actors/payments.d.ts");
  const { code, stderr } = await project.callboard("gen", "--check");
  expect(stderr).toMatch(/outdated +generated\/actors\/payments\.d\.ts/);
  expect(stderr).toMatch(/callboard: \d+ files? out of date: run `callboard gen`\./);
  expect(code).toBe(1);
  expect(read(project, "generated/actors/payments.d.ts")).toBe(before);
});

test("problems are shown with their place, nothing is written, and the exit code is 1", async () => {
  const project = createContracts(contract().replace("output:", "maxRetires: 3, output:"));
  const { code, stderr } = await project.callboard("gen");
  expect(stderr).toMatch(/contracts\/payments\.ts:6:\d+/);
  expect(stderr).toContain("maxRetries");
  expect(stderr).toContain("callboard: 1 problem; nothing was written.");
  expect(stderr).not.toContain("\u001B");
  expect(code).toBe(1);
  expect(existsSync(join(project.directory, "generated"))).toBe(false);
});

test("--json prints one object and nothing else", async () => {
  const project = createContracts();
  const report = (text: string) => JSON.parse(text) as { written: string[]; stale: unknown[]; problems: unknown[] };
  expect(report((await project.callboard("gen", "--json")).stdout).written).toContain("generated/client.ts");

  project.write("contracts/payments.ts", contract("z.string()"));
  const check = await project.callboard("gen", "--check", "--json");
  expect(report(check.stdout).stale).toContainEqual({ path: "generated/actors/payments.d.ts", kind: "outdated" });
  expect(check.code).toBe(1);

  project.write("contracts/payments.ts", contract(";"));
  const broken = await project.callboard("gen", "--json");
  expect(report(broken.stdout).problems).toHaveLength(1);
  expect(broken.code).toBe(1);
});

describe("the folders", () => {
  const elsewhere = (folders: Readonly<Record<string, string>>) =>
    createProject({
      "package.json": JSON.stringify({ name: "project", type: "module", callboard: folders }),
      "calls/payments.ts": contract(),
    });
  const folders = { contracts: "calls", generated: "source/generated", handlers: "source/handlers" };

  test("are read from package.json", async () => {
    const { code, stdout } = await elsewhere(folders).callboard("gen");
    expect(stdout).toContain("source/generated/client.ts");
    expect(stdout).toContain("source/handlers/payments.ts");
    expect(code).toBe(0);
  });

  test("are said by options, which come first", async () => {
    const options = Object.entries(folders).map(([name, folder]) => `--${name}=${folder}`);
    const { code, stdout } = await elsewhere({ contracts: "absent" }).callboard("gen", ...options);
    expect(stdout).toContain("source/generated/client.ts");
    expect(stdout).toContain("source/handlers/payments.ts");
    expect(code).toBe(0);
  });
});

test("--watch generates at once and after every change, and Ctrl+C ends it with 0", async () => {
  const project = createContracts();
  const running = project.start(["gen", "--watch"]);
  await running.printed("watching contracts");
  await running.printed("1 actor in 1 contract file");
  project.write("contracts/web.ts", contract().replace("processPayment", "fetchUrl"));
  await running.printed("2 actors in 2 contract files");
  running.kill("SIGINT");
  expect((await running.ended).code).toBe(0);
  expect(read(project, "generated/client.ts")).toContain("GroupClient<typeof web>");
});

test.each([["gen"], ["gen", "--watch"]])("%s %s without a contracts folder says what to do", async (...args) => {
  const { code, stderr } = await createProject().callboard(...args);
  expect(stderr).toContain('There is no folder "contracts"');
  expect(code).toBe(1);
});
