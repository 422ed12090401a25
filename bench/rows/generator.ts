/** The generator on 500 contract files with 1,000 actors, and what its client costs those who use it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import type { Contender, Row } from "../row.js";
import { runNode } from "./command.js";
import {
  callboard,
  contract,
  contractProject,
  repository,
  writeClientByHand,
  writeProducer,
  type Project,
} from "./contracts.js";

/** A contender in a project of its own, which is removed in the end. */
function inProject(
  name: string,
  open: (project: Project) => Promise<() => Promise<Readonly<Record<string, number>>>>,
): Contender {
  return {
    name,
    async open() {
      const project = contractProject();
      const run = await open(project);
      return { run, close: async () => rmSync(project.root, { recursive: true, force: true }) };
    },
  };
}

const generate = (project: Project) => runNode([callboard, "gen"], project.root);

const cold = inProject("callboard gen", async (project) => async () => {
  for (const made of ["generated", "handlers", "node_modules/.cache"]) {
    rmSync(project.path(made), { recursive: true, force: true });
  }
  const { seconds, peak } = await generate(project);
  return { time: seconds, peak: peak / 2 ** 20 };
});

const unchanged = inProject("callboard gen", async (project) => {
  await generate(project);
  return async () => ({ time: (await generate(project)).seconds });
});

const CHANGED = 250;

/** From the writing of a contract to the moment at which its generated file is another. */
const watched: Contender = {
  name: "callboard gen --watch",
  async open() {
    const project = contractProject();
    const watcher = spawn(process.execPath, [callboard, "gen", "--watch"], {
      cwd: project.root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const gone = once(watcher, "exit");
    let printed = "";
    watcher.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    while (!printed.includes("watching")) await sleep(20);

    const generated = project.path(`generated/actors/group${CHANGED}.d.ts`);
    const types = ["z.string()", "z.number()"];
    return {
      async run() {
        const before = readFileSync(generated, "utf8");
        const type = types[0] ?? "";
        types.reverse();
        const started = performance.now();
        project.write(`contracts/group${CHANGED}.ts`, contract(CHANGED, type));
        while (readFileSync(generated, "utf8") === before) await sleep(1);
        const time = performance.now() - started;
        // What else it does after a change is not to be in the way of the next.
        await sleep(500);
        return { time };
      },
      async close() {
        watcher.kill();
        await gone;
        rmSync(project.root, { recursive: true, force: true });
      },
    };
  },
};

const compiler = join(repository, "node_modules/typescript/bin/tsc");

const checkedGenerated = inProject("generated client", async (project) => {
  await generate(project);
  const tsconfig = writeProducer(project, "generated");
  return async () => ({ time: (await runNode([compiler, "--project", tsconfig], project.root)).seconds });
});

const checkedByHand = inProject("the same, written by hand", async (project) => {
  writeClientByHand(project);
  const tsconfig = writeProducer(project, "byhand");
  return async () => ({ time: (await runNode([compiler, "--project", tsconfig], project.root)).seconds });
});

const group = "Generator: 500 contract files, 1,000 actors";

export const generatorRows: readonly Row[] = [
  {
    id: "gen-cold",
    group,
    title: "gen, cold",
    measures: { time: "seconds", peak: "MB" },
    contenders: [cold],
    rounds: 3,
  },
  { id: "gen-unchanged", group, title: "gen, nothing changed", measures: { time: "seconds" }, contenders: [unchanged] },
  { id: "gen-watch", group, title: "one file changed", measures: { time: "ms" }, contenders: [watched] },
  {
    id: "gen-types",
    group,
    title: "type-check a producer",
    measures: { time: "seconds" },
    contenders: [checkedGenerated, checkedByHand],
  },
];
