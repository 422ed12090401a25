import { cpSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { fileURLToPath } from "node:url";
import { runCommand, startCommand } from "../setup/command.js";
import { createProject, type Project } from "../setup/project.js";
import { urlOf } from "./traffic.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** Installs Callboard as npm does for somebody who has not asked for a driver. */
function installWithoutPeers({ directory }: Project): {
  readonly modules: readonly string[];
  readonly command: string;
} {
  const modules = join(directory, "node_modules");
  const own = join(modules, "callboard");
  rmSync(own);
  cpSync(join(repository, "dist"), join(own, "dist"), { recursive: true });
  cpSync(join(repository, "package.json"), join(own, "package.json"));
  const { dependencies } = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as { dependencies: object };
  for (const name of Object.keys(dependencies)) {
    symlinkSync(join(repository, "node_modules", name), join(modules, name));
  }
  return { modules: readdirSync(modules), command: join(own, "dist", "cli", "main.js") };
}

/** A worker with one message under way, whose handler takes as long as NAP says, or until there is a file `awake`. */
const worker = `
  import { actor, memoryBroker } from "callboard";
  import { createActorClient, defineActor } from "callboard/client";
  import { createWorker } from "callboard/worker";
  import { z } from "zod";
  import { nap } from "./nap.js";

  const contract = actor({ input: z.number(), queue: "naps" });
  const actors = { demo: { nap: defineActor(contract, { name: "demo.nap", fingerprint: "00000000" }) } };
  const broker = memoryBroker();
  const worker = createWorker(broker, actors, { demo: { nap } });
  export default worker;
  await createActorClient(broker, actors.demo.nap).send(Number(process.env["NAP"] ?? 0));
`;

/** TypeScript that no Node reads by itself. */
const nap = `
  import { existsSync } from "node:fs";
  enum Words { asleep = "asleep", awake = "awake" }
  export async function nap(milliseconds: number): Promise<void> {
    console.log(Words.asleep);
    const end = performance.now() + milliseconds;
    while (performance.now() < end && !existsSync("awake")) await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(Words.awake);
  }
`;

const createWorkerProject = (files: Readonly<Record<string, string>> = {}): Project =>
  createProject({ "worker.ts": worker, "nap.ts": nap, ...files });

test("a TypeScript worker runs, says what it serves, and ends with 0 at SIGTERM", async () => {
  const project = createWorkerProject();
  const running = project.start(["worker", "./worker.ts"]);
  await running.printed("awake");
  await running.printed(`callboard worker: memory, queue naps, concurrency 100, pid ${running.pid}`);
  running.kill("SIGTERM");
  const { code, stdout } = await running.ended;
  expect(code).toBe(0);
  const log = stdout.split("\n").filter((line) => line.startsWith("{"));
  expect(log.map((line) => (JSON.parse(line) as { msg: string }).msg)).toContain("worker started");
  expect(readdirSync(join(project.directory, "node_modules", ".cache", "callboard"))).toEqual([]);
});

test("a file is found beside the one that names it, though all of them are compiled into one", async () => {
  const project = createWorkerProject({
    "deep/text.txt": "beside it",
    "deep/where.ts": `
      import { readFileSync } from "node:fs";
      const paths: (URL | string)[] = [new URL("text.txt", import.meta.url), import.meta.dirname + "/text.txt"];
      console.log(paths.map((path) => readFileSync(path, "utf8")).join(" and "), import.meta.filename.slice(-13));
    `,
    "worker.ts": `import "./deep/where.js"; ${worker}`,
  });
  const running = project.start(["worker", "worker.ts"]);
  await running.printed("beside it and beside it deep/where.ts");
  await running.printed("callboard worker:");
  running.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
});

test("an actor that is isolated runs in a thread, with handlers in TypeScript", async () => {
  const project = createWorkerProject({
    "worker.ts": worker
      .replace('queue: "naps"', 'queue: "naps", isolate: true, timeLimit: 1000, maxRetries: 0')
      .replace("{ demo: { nap } }", '{ demo: { nap } }, { isolate: new URL("./handlers.js", import.meta.url) }'),
    "handlers.ts": `
      import { isMainThread } from "node:worker_threads";
      enum Words { never = "never" }
      const nap = (): Words => {
        console.log("in a thread", !isMainThread, import.meta.url.slice(-11));
        for (;;);
      };
      export const demo = { nap };
    `,
  });
  const running = project.start(["worker", "worker.ts"]);
  await running.printed("in a thread true handlers.ts");
  await running.printed("TimeLimitError");
  running.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
  expect(readdirSync(join(project.directory, "node_modules", ".cache", "callboard"))).toEqual([]);
});

test("threads need a package, and say so where it is missing", async () => {
  const isolated = worker
    .replace('queue: "naps"', 'queue: "naps", isolate: true')
    .replace("{ demo: { nap } }", '{ demo: { nap } }, { isolate: new URL("./handlers.mjs", import.meta.url) }');
  const project = createWorkerProject({ "worker.ts": isolated, "handlers.mjs": "export const demo = { nap() {} };" });
  const { modules, command } = installWithoutPeers(project);
  expect(modules).not.toContain("piscina");
  const { code, stderr } = await runCommand(process.execPath, [command, "worker", "worker.ts"], {
    cwd: project.directory,
  });
  expect(stderr).toContain("npm install piscina");
  expect(code).toBe(2);
});

test("a running handler is waited for", async () => {
  const project = createWorkerProject();
  const running = project.start(["worker", "worker.ts"], { NAP: "600000" });
  await running.printed("asleep");
  await running.printed("callboard worker:");
  running.kill("SIGINT");
  await running.printed("SIGINT, waiting for 1 running handler; a second signal ends it at once");
  project.write("awake", "");
  const { code, stdout } = await running.ended;
  expect(stdout).toContain("awake");
  expect(code).toBe(0);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("a second %s ends it at once, with %i", async (signal, expected) => {
  const running = createWorkerProject().start(["worker", "worker.ts"], { NAP: "600000" });
  await running.printed("asleep");
  await running.printed("callboard worker:");
  running.kill(signal);
  await running.printed(`${signal}, waiting for 1 running handler`);
  await sleep(300);
  running.kill(signal);
  const { code, stdout } = await running.ended;
  expect(code).toBe(expected);
  expect(stdout).not.toContain("awake");
});

test("a second signal while the file is loaded leaves nothing of it behind", async () => {
  const project = createWorkerProject({ "hanging.ts": 'console.log("loading"); for (;;);' });
  const running = project.start(["worker", "hanging.ts"]);
  await running.printed("loading");
  running.kill("SIGTERM");
  await running.printed("SIGTERM, waiting for 0 running handlers");
  running.kill("SIGTERM");
  expect((await running.ended).code).toBe(143);
  expect(readdirSync(join(project.directory, "node_modules", ".cache", "callboard"))).toEqual([]);
});

test("a file that is still being loaded does not hold up the end", async () => {
  const hanging = 'console.log("loading"); await new Promise(() => {});';
  const running = createWorkerProject({ "hanging.ts": hanging }).start(["worker", "hanging.ts"]);
  await running.printed("loading");
  running.kill("SIGTERM");
  expect((await running.ended).code).toBe(0);
});

test("--concurrency and --queues override the file", async () => {
  const running = createWorkerProject().start(["worker", "worker.ts", "--concurrency", "7", "--queues", "naps"]);
  await running.printed("queue naps, concurrency 7,");
});

test("a queue that no contract names is refused with the nearest", async () => {
  const { code, stderr } = await createWorkerProject().callboard("worker", "worker.ts", "--queues", "nasp");
  expect(stderr).toContain('callboard: No contract names the queue "nasp". Did you mean "naps"?');
  expect(code).toBe(2);
});

test("a named export will do", async () => {
  const running = createWorkerProject({
    "named.ts": 'export { default as sleeper } from "./worker.js"; export const other = 1;',
  }).start(["worker", "named.ts"]);
  await running.printed("callboard worker: memory");
});

test("a JavaScript file is run as it is", async () => {
  const project = createProject({
    "worker.js": worker.replace('import { nap } from "./nap.js";', "const nap = () => {};"),
  });
  const running = project.start(["worker", "worker.js"]);
  await running.printed("callboard worker: memory");
  expect(readdirSync(join(project.directory, "node_modules"))).not.toContain(".cache");
});

describe("a worker that its own file has started", () => {
  const files = { "own.ts": 'import worker from "./worker.js"; await worker.start(); export default worker;' };

  test("is not started again", async () => {
    const running = createWorkerProject(files).start(["worker", "own.ts"]);
    await running.printed("callboard worker: memory");
    running.kill("SIGTERM");
    const { code, stdout } = await running.ended;
    expect(stdout.match(/worker started/g)).toHaveLength(1);
    expect(code).toBe(0);
  });

  test("cannot be given overrides", async () => {
    const { code, stderr } = await createWorkerProject(files).callboard("worker", "own.ts", "--concurrency", "3");
    expect(stderr).toContain("own.ts starts its worker itself, too early for --concurrency: leave out its start().");
    expect(code).toBe(2);
  });
});

test("the process ends with 0 when the file stops its worker", async () => {
  const { code } = await createWorkerProject({
    "brief.ts": 'import worker from "./worker.js"; await worker.start(); await worker.stop(); export default worker;',
  }).callboard("worker", "brief.ts");
  expect(code).toBe(0);
});

test("without prom-client, /metrics says what to install, and the worker works", async () => {
  const project = createWorkerProject();
  const { modules, command } = installWithoutPeers(project);
  expect(modules).not.toContain("prom-client");
  const args = [command, "worker", "worker.ts", "--http", "127.0.0.1:0"];
  const running = startCommand(process.execPath, args, { cwd: project.directory });
  await running.printed("http://");
  await running.printed("awake");
  const response = await fetch(`${urlOf(running)}/metrics`);
  expect(await response.text()).toBe("Metrics need a package: npm install prom-client, and start the command again\n");
  expect(response.status).toBe(501);
});

describe("a file that cannot be run exits with 1 and one clear line", () => {
  test.each([
    ["a syntax error", "const a = ;", 'broken.ts:1:11: Unexpected ";"'],
    ["a missing import", 'import "./absent.js";', 'broken.ts:1:8: Could not resolve "./absent.js"'],
    ["no worker", "export const a = 1;", "broken.ts exports no worker: write `export default createWorker(...)`."],
    [
      "several workers",
      'import { memoryBroker } from "callboard"; import worker from "./worker.js"; export const a = worker;' +
        "export const b = Object.create(worker);",
      "broken.ts exports several workers (a, b): make the one to run its default export.",
    ],
  ])("%s", async (_what, text, message) => {
    const { code, stderr } = await createWorkerProject({ "broken.ts": text }).callboard("worker", "broken.ts");
    expect(stderr.trim()).toBe(`callboard: ${message}`);
    expect(code).toBe(1);
  });

  test.each([
    ["ioredis", 'import { redisBroker } from "callboard/redis"; export default redisBroker("redis://localhost:1");'],
    ["amqplib", 'export { rabbitmqBroker } from "callboard/rabbitmq";'],
    ["@example/absent", 'import "@example/absent/part";'],
  ])("the package %s is missing", async (name, text) => {
    // This repository has both drivers, so what it has built is run from a place without them.
    const project = createWorkerProject({ "broken.ts": text });
    const { modules, command } = installWithoutPeers(project);
    const { code, stderr } = await runCommand(process.execPath, [command, "worker", "broken.ts"], {
      cwd: project.directory,
    });
    expect(stderr.trim()).toBe(`callboard: The package "${name}" is not installed: npm install ${name}`);
    expect(code).toBe(1);
    expect(modules).not.toContain(name);
  });

  test("an error while it is loaded is shown with its place in the source", async () => {
    const project = createProject({ "broken.ts": '\n\nthrow new Error("boom");\n' });
    const { code, stderr } = await project.callboard("worker", "broken.ts");
    const [message, ...frames] = stderr.trim().split("\n");
    expect(message).toBe("callboard: Error: boom");
    // Who had the file loaded is of no interest.
    expect(frames).toEqual([expect.stringContaining("broken.ts:3:7")]);
    expect(code).toBe(1);
  });
});
