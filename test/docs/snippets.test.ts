/**
 * What the README and the pages of docs/ show is true: their code compiles, their links lead somewhere, and the tests
 * that they name exist.
 *
 * A block of TypeScript that begins with a comment naming its file, and that imports something, is a file of a project;
 * others are excerpts. A page that shows contracts is a project of its own, the others use the sample contracts.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runCommand } from "../setup/command.js";
import { createProject, type Project } from "../setup/project.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

const pages = ["README.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)].filter((page) =>
  page.endsWith(".md"),
);

const read = (page: string) => readFileSync(join(root, page), "utf8");

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

function createPageProject(files: ReadonlyMap<string, string>): Project {
  const project = createProject({ "tsconfig.json": tsconfig, ...Object.fromEntries(files) });
  if (![...files.keys()].some((path) => path.startsWith("contracts/"))) {
    cpSync(join(root, "contracts"), join(project.directory, "contracts"), { recursive: true });
  }
  const modules = join(project.directory, "node_modules");
  mkdirSync(join(modules, "@types"));
  symlinkSync(join(root, "node_modules", "@types", "node"), join(modules, "@types", "node"));
  return project;
}

describe.each(pages.filter((page) => filesOf(page).size > 0))("the code of %s", (page) => {
  test("compiles in a strict project", async () => {
    const project = createPageProject(filesOf(page));
    const generated = await project.callboard("gen");
    expect(generated.code, generated.stderr).toBe(0);
    const tsc = join(root, "node_modules", ".bin", "tsc");
    const { code, stdout } = await runCommand(tsc, ["--project", "."], { cwd: project.directory });
    expect(stdout).toBe("");
    expect(code).toBe(0);
  });
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

test("every test that the README names exists", () => {
  const promises = /^## What is promised$(.*?)^## /ms.exec(read("README.md"))?.[1] ?? "";
  const missing: string[] = [];
  let source = "";
  let named = 0;
  // A file stands before the titles of its tests: `redis/crash`: *one title*; *another*.
  for (const [, file, title] of promises.matchAll(/`(\w+\/\w+)`|(?<!\*)\*([^*]+)\*(?!\*)/g)) {
    if (file !== undefined) source = readTest(file);
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
