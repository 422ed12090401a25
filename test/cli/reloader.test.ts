/** What is brought into service and when, of programs that only pretend. */
import { beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../runtime/cli/exit.js";
import type { Program } from "../../runtime/cli/program.js";
import { Reloader } from "../../runtime/cli/reloader.js";
import { MovableClock } from "../../runtime/testing/clock.js";
import { turn } from "../support/eventually.js";

/** A program that is being started, until a test lets it start or fail. */
interface Start {
  readonly text: string;
  readonly signal: AbortSignal;
  readonly begin: () => void;
  readonly fail: (error: Error) => void;
}

/** What is written just now; `undefined` where it does not compile. */
let written: string | undefined;
let builds: number;
/** What a build waits for, after it has read what is written. */
let gate: Promise<void>;
let starts: Start[];
let said: string[];
let reloader: Reloader;
let clock: MovableClock;

const programOf = (text: string): Program => ({ text, place: () => ({ path: text, remove: () => undefined }) });
const texts = () => starts.map(({ text }) => text);

beforeEach(() => {
  written = "a";
  clock = new MovableClock();
  builds = 0;
  gate = Promise.resolve();
  starts = [];
  said = [];
  reloader = new Reloader({
    async build() {
      builds++;
      const text = written;
      await gate;
      if (text === undefined) throw new Failure("it does not compile");
      return programOf(text);
    },
    deploy({ text }, signal) {
      return new Promise((begin, fail) => {
        starts.push({ text, signal, begin, fail });
        signal.addEventListener("abort", () => fail(new Error("given up")));
      });
    },
    clock,
    say: (line) => said.push(line.replace(/\d+ ms/, "a moment")),
  });
});

/** Has a first program in service. */
async function run(): Promise<void> {
  const started = reloader.start();
  await turn();
  starts[0]?.begin();
  await started;
}

describe("while a program is being started", () => {
  test("a repair takes its place, and the old worker is not told to be reloaded twice", async () => {
    await run();
    written = "b, which hangs";
    reloader.refresh();
    await turn();
    written = "c";
    reloader.refresh();
    await turn();
    expect(texts()).toEqual(["a", "b, which hangs", "c"]);
    expect(starts.map(({ signal }) => signal.aborted)).toEqual([false, true, false]);
    starts[2]?.begin();
    await turn();
    expect(said).toEqual(["reloaded in a moment"]);
  });

  test("the very first one, too", async () => {
    const started = reloader.start();
    await turn();
    written = "b";
    reloader.refresh();
    await started;
    await turn();
    starts[1]?.begin();
    await turn();
    expect(texts()).toEqual(["a", "b"]);
    // What a worker serves is said elsewhere.
    expect(said).toEqual([]);
  });

  test("what does not compile takes its place as well, and is told at once", async () => {
    await run();
    written = "b, which hangs";
    reloader.refresh();
    await turn();
    written = undefined;
    reloader.refresh();
    await turn();
    expect(starts[1]?.signal.aborted).toBe(true);
    expect(said).toEqual(["not reloaded, the old worker goes on: it does not compile"]);
  });

  test("a change that makes no other program of it leaves it alone: a worker may write such files itself", async () => {
    await run();
    written = "b";
    reloader.refresh();
    await turn();
    reloader.refresh();
    await turn();
    starts[1]?.begin();
    await turn();
    expect(texts()).toEqual(["a", "b"]);
    expect(starts[1]?.signal.aborted).toBe(false);
    expect(said).toEqual(["reloaded in a moment"]);
  });

  test("it is said once when that takes long", async () => {
    const started = reloader.start();
    await turn();
    await clock.pass(9999);
    expect(said).toEqual([]);
    await clock.pass(60_000);
    expect(said).toEqual(["not started after 10 s: the worker's file, or what it imports, waits for something"]);
    starts[0]?.begin();
    await started;
    await clock.pass(60_000);
    expect(said).toHaveLength(1);
  });

  test("a reload that is asked for is done afterwards, once for all who asked", async () => {
    await run();
    for (let i = 0; i < 3; i++) {
      reloader.reload();
      await turn();
    }
    expect(starts).toHaveLength(2);
    starts[1]?.begin();
    await turn();
    expect(starts).toHaveLength(3);
    starts[2]?.begin();
    await turn();
    expect(starts).toHaveLength(3);
  });
});

test("what was saved while a program was built is not waited for until that one has started", async () => {
  await run();
  let open = () => {};
  gate = new Promise((resolve) => (open = resolve));
  written = "b, which hangs";
  reloader.refresh();
  await turn();
  written = "c";
  reloader.refresh();
  open();
  await turn();
  expect(texts()).toEqual(["a", "b, which hangs", "c"]);
});

test("programs are built one after the other", async () => {
  let [atOnce, most] = [0, 0];
  const busy = new Reloader({
    async build() {
      builds++;
      most = Math.max(most, ++atOnce);
      await turn();
      atOnce--;
      return programOf(`${builds}`);
    },
    deploy: () => turn(),
    clock,
    say: () => undefined,
  });
  const started = busy.start();
  for (let i = 0; i < 5; i++) {
    busy.refresh();
    await turn();
  }
  await started;
  busy.close();
  await turn();
  expect(builds).toBeGreaterThan(1);
  expect(most).toBe(1);
});

test("nothing is begun after it was closed", async () => {
  await run();
  reloader.close();
  written = "b";
  reloader.refresh();
  await turn();
  expect(texts()).toEqual(["a"]);
  expect(said).toEqual([]);
});
