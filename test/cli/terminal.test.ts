/** `callboard worker` on a terminal: what a person reads, and what becomes of the worker when the terminal is closed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { startCommand } from "../setup/command.js";
import { requireProgram } from "../setup/install.js";
import { createProject } from "../setup/project.js";
import { eventually } from "../support/eventually.js";

/** A worker with one message under way, which writes a line when its handler has ended. */
const worker = `
  import { appendFileSync } from "node:fs";
  import { actor, memoryBroker } from "callboard";
  import { createActorClient, defineActor } from "callboard/client";
  import { createWorker } from "callboard/worker";
  import { z } from "zod";
  const nap = defineActor(actor({ input: z.number() }), { name: "demo.nap", fingerprint: "00000000" });
  const broker = memoryBroker();
  export default createWorker(broker, { demo: { nap } }, {
    demo: {
      nap: async (ms, task) => {
        console.log("plain words");
        if (process.env["FAIL"] !== undefined) throw new Error(process.env["FAIL"]);
        task.log.info({ ms }, "a nap");
        await new Promise((resolve) => setTimeout(resolve, ms));
        appendFileSync("ended", "ended\\n");
      },
    },
  });
  await createActorClient(broker, nap).send(2000);
`;

/** Starts the command on a terminal of its own. */
async function startOnTerminal(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  // It gives the program that it runs a terminal, and prints what the terminal shows.
  const script = await requireProgram({ program: "script", package: "bsdutils" });
  const project = createProject({ "worker.ts": worker });
  const command = ["node_modules/callboard/dist/cli/main.js", "worker", "worker.ts", ...args].join(" ");
  const running = startCommand(script, ["-qec", `exec ${process.execPath} ${command}`, "/dev/null"], {
    cwd: project.directory,
    env,
  });
  const ended = () => {
    try {
      return readFileSync(join(project.directory, "ended"), "utf8").split("\n").length - 1;
    } catch {
      return 0;
    }
  };
  return { running, ended };
}

test("logs are lines for people; with several processes, each tells whose it is", async () => {
  const one = await startOnTerminal({});
  await one.running.printed("a nap");
  expect(one.running.output).toMatch(/INFO.* \(callboard\): .*a nap/);
  expect(one.running.output).toMatch(/^plain words/m);
  expect(one.running.output).not.toContain('"msg"');

  const two = await startOnTerminal({}, "--processes", "2");
  await two.running.printed("2 processes");
  await eventually("both to log", () =>
    [1, 2].every((n) => new RegExp(`${n} \\| .*INFO.*a nap`).test(two.running.output)),
  );
  expect(two.running.output).toMatch(/1 \|.* plain words/);
  expect(two.running.output).not.toContain('"msg"');
}, 120_000);

test("an attempt that failed is shown with its error below it, line by line", async () => {
  for (const args of [[], ["--processes", "2"]]) {
    const { running } = await startOnTerminal({ FAIL: "slept badly" }, ...args);
    const shown = () => stripVTControlCharacters(running.output).replaceAll("\r", "");
    // A terminal may have a line in pieces.
    await eventually("the frame's line to be whole", () => /\n[ 12|]* at nap [^\n]*\n/.test(shown()));
    const text = shown();
    expect(text).toMatch(/attempt failed, to be retried \{"actor":"demo\.nap",[^\n]*"retryIn":\d+\}\n/);
    expect(text).toMatch(
      /\n(1 \| |2 \| )? {4}Error: slept badly\n(1 \| |2 \| )? {8}at nap \([^\n]*worker\.ts:\d+:\d+\)\n/,
    );
    expect(text).not.toContain("\\n");
  }
}, 120_000);

test.each([[[]], [["--processes", "2"]]])(
  "a terminal that is closed ends it gracefully: %j",
  async (args) => {
    const { running, ended } = await startOnTerminal({}, ...args);
    const handlers = Math.max(args.length, 1);
    await running.printed("callboard worker: memory");
    await eventually("the handlers to begin", () => running.output.split("a nap").length > handlers);
    running.kill("SIGKILL");
    await eventually("the handlers to end", () => ended() === handlers);
  },
  120_000,
);
