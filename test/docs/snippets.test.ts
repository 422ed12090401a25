/**
 * What the README and the pages of docs/ show is true: their code compiles, their links lead somewhere, and the tests
 * that they name exist.
 *
 * A block of TypeScript that begins with a comment naming its file, and that imports something, is a file of a project;
 * others are excerpts. A page that shows contracts is a project of its own, the others use the sample contracts.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, describe, expect, test } from "vitest";
import { runCommand } from "../setup/command.js";
import { createProject, type Project } from "../setup/project.js";
import { pages, read, root, tsconfigOfReadme } from "./pages.js";

/** Stricter than the README's own, and without the types of others, which are theirs to check. */
const tsconfig = JSON.stringify({
  compilerOptions: {
    target: "es2022",
    lib: ["es2023"],
    types: ["node"],
    module: "nodenext",
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noPropertyAccessFromIndexSignature: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    noEmit: true,
  },
});

/** The files that a page shows, by their paths. */
function filesOf(page: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const [, path = "", code = ""] of read(page).matchAll(/^```ts\n\/\/ ([\w./-]+\.ts)\n(.*?)^```$/gms)) {
    if (!/^import /m.test(code)) continue;
    expect(files.has(path), `${page} shows ${path} once`).toBe(false);
    files.set(path, code);
  }
  return files;
}

/** What the generator wrote for each page: it is the same for every tsconfig.json, and is written once. */
const written = mkdtempSync(join(tmpdir(), "callboard-pages-"));
afterAll(() => rmSync(written, { recursive: true, force: true }));

/** A page's project, with what the generator writes for it. */
async function createGeneratedProject(page: string, config: string): Promise<Project> {
  const project = createPageProject(filesOf(page), config);
  const kept = join(written, page);
  if (existsSync(kept)) {
    cpSync(kept, project.directory, { recursive: true });
    return project;
  }
  const { code, stderr } = await project.callboard("gen");
  expect(code, stderr).toBe(0);
  const ours = [join(project.directory, "node_modules"), join(project.directory, "tsconfig.json")];
  cpSync(project.directory, kept, { recursive: true, filter: (path) => !ours.includes(path) });
  return project;
}

function createPageProject(files: ReadonlyMap<string, string>, config: string): Project {
  const project = createProject({ "tsconfig.json": config, ...Object.fromEntries(files) });
  if (![...files.keys()].some((path) => path.startsWith("contracts/"))) {
    cpSync(join(root, "contracts"), join(project.directory, "contracts"), { recursive: true });
  }
  const modules = join(project.directory, "node_modules");
  mkdirSync(join(modules, "@types"));
  for (const name of ["@types/node", "vitest", "prom-client", "@opentelemetry"])
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  return project;
}

describe.each(pages.filter((page) => filesOf(page).size > 0))("the code of %s", (page) => {
  test.each([
    ["a strict project", tsconfig],
    ["the project of the README", tsconfigOfReadme()],
  ])("compiles in %s", async (_kind, config) => {
    const project = await createGeneratedProject(page, config);
    const tsc = join(root, "node_modules", ".bin", "tsc");
    const { code, stdout } = await runCommand(tsc, ["--project", "."], { cwd: project.directory });
    expect(stdout).toBe("");
    expect(code).toBe(0);
  });
});

test.each([
  ["README.md", 1],
  ["docs/testing.md", 8],
])("the tests of %s pass", async (page, count) => {
  const project = await createGeneratedProject(page, tsconfig);
  const vitest = join(root, "node_modules", ".bin", "vitest");
  const { code, stdout, stderr } = await runCommand(vitest, ["run", "--no-color"], {
    cwd: project.directory,
    env: { LOG_LEVEL: "silent" },
  });
  expect(stdout + stderr).toContain(`Tests  ${count} passed (${count})`);
  expect(code).toBe(0);
});

test("the test of docs/testing.md for node:test passes, and its process ends", async () => {
  const project = await createGeneratedProject("docs/testing.md", tsconfig);
  await build({
    absWorkingDir: project.directory,
    entryPoints: ["test/declined.ts"],
    outfile: join(project.directory, "declined.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
  });
  const { code, stdout, stderr } = await runCommand(
    process.execPath,
    ["--test", "--test-reporter=tap", "declined.mjs"],
    {
      cwd: project.directory,
      env: { LOG_LEVEL: "silent" },
    },
  );
  expect(stdout + stderr).toContain("# pass 1");
  expect(code).toBe(0);
});

test.each(pages)("every link of %s leads to something that the package holds", (page) => {
  const published = ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE", "docs"];
  const targets = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path = ""]) =>
    relative(root, resolve(root, dirname(page), path)),
  );
  expect(targets.filter((target) => !published.includes(target.split("/")[0] ?? ""))).toEqual([]);
});

test.each(pages)("every link of %s leads somewhere", (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
  const broken = links.filter(([, path = "", anchor]) => {
    const target = path === "" ? join(root, page) : resolve(root, dirname(page), path);
    return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(path: string): readonly string[] {
  return [...readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The part of the README that promises, and the part of a page that says which test shows what. */
const naming = [
  ["the README", /^## What is promised$(.*?)^## /ms.exec(read("README.md"))?.[1] ?? ""],
  ["docs/dramatiq.md", /^## Acceptance cases$(.*)/ms.exec(read("docs/dramatiq.md"))?.[1] ?? ""],
] as const;

test.each(naming)("every test that %s names exists", (_page, text) => {
  const missing: string[] = [];
  let source = "";
  let named = 0;
  // A file stands before the titles of its tests: `redis/crash`: *one title*; *another*.
  for (const [, file, title] of text.matchAll(/`((?:[\w-]+\/)+[\w-]+)`|(?<!\*)\*([^*]+)\*(?!\*)/g)) {
    if (file !== undefined) source = readTest(file);
    if (file !== undefined && source === "") missing.push(file);
    if (title === undefined) continue;
    named++;
    if (!source.includes(`"${title.replaceAll(/\s+/g, " ")}"`)) missing.push(title);
  }
  expect(missing).toEqual([]);
  expect(named).toBeGreaterThan(10);
});

function readTest(file: string): string {
  const path = [`test/${file}.test.ts`, `test/${file}.ts`].map((each) => join(root, each)).find(existsSync);
  return path === undefined ? "" : readFileSync(path, "utf8");
}
