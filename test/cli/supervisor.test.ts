/** What becomes of processes that die, and of old ones when new ones come: with processes that only pretend. */
import { beforeEach, describe, expect, test } from "vitest";
import type { WorkerFacts } from "../../runtime/cli/protocol.js";
import { Supervisor } from "../../runtime/cli/supervisor.js";
import type { Ending, WorkerProcess } from "../../runtime/cli/worker-process.js";
import { MovableClock } from "../../runtime/testing/clock.js";
import { TestLogger } from "../support/actors.js";

const facts: WorkerFacts = { broker: "memory", queues: ["default"], concurrency: 1, shutdownTimeout: 1000 };

/** A process that does as it is told. */
class PretendedProcess implements WorkerProcess {
  static #pids = 0;
  readonly pid = ++PretendedProcess.#pids;
  readonly ready: Promise<WorkerFacts>;
  readonly fetching: Promise<void>;
  readonly ended: Promise<Ending>;
  hasBegun = false;
  wasStopped = false;
  wasKilled = false;
  start!: () => void;
  fail!: (error: Error) => void;
  fetch!: () => void;
  #end!: (ending: Ending) => void;

  constructor(
    readonly program: string,
    readonly place: number,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.start = () => resolve(facts);
      this.fail = reject;
    });
    this.fetching = new Promise((resolve) => {
      this.fetch = () => {
        this.hasBegun = true;
        resolve();
      };
    });
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  async report() {
    return { healthy: this.hasBegun, running: 1 };
  }

  async measure() {
    return [];
  }

  end(how = "SIGKILL", isFinished = false): void {
    this.fail(new Error(how));
    this.#end({ isFinished, how });
  }

  stop(): void {
    this.wasStopped = true;
  }

  kill(): void {
    this.wasKilled = true;
  }
}

let clock: MovableClock;
let log: TestLogger;
let supervisor: Supervisor;
let processes: PretendedProcess[];
/** How many of the next launches throw. */
let launchesThatFail: number;

beforeEach(() => {
  clock = new MovableClock();
  log = new TestLogger();
  supervisor = new Supervisor({ processes: 2, clock, log });
  processes = [];
  launchesThatFail = 0;
});

function launch(program: string, place: number): PretendedProcess {
  if (launchesThatFail > 0) {
    launchesThatFail--;
    throw new Error("disk full");
  }
  const process = new PretendedProcess(program, place);
  processes.push(process);
  return process;
}

/** Has processes of a program take over, and returns the ones that were started for it. */
function deploy(program: string) {
  const before = processes.length;
  const done = supervisor.deploy((place) => launch(program, place));
  const [first, second] = processes.slice(before);
  if (first === undefined || second === undefined) throw new Error("two processes should have been started");
  return { first, second, done };
}

/** The same, and both begin at once. */
async function running(program: string) {
  const { first, second, done } = deploy(program);
  for (const process of [first, second]) {
    process.start();
    process.fetch();
  }
  await done;
  return { first, second };
}

/** The wait that was logged last. */
function lastWait(): number {
  const { wait = 0 }: { readonly wait?: number } = log.lines.at(-1)?.fields ?? {};
  return wait;
}

/** The last process of a place. */
const last = (place: number) => processes.findLast((process) => process.place === place);

test("a process that died is started again, its sibling stays", async () => {
  const { first, second } = await running("a");
  first.end();
  await clock.pass(99);
  expect(processes).toHaveLength(2);
  await clock.pass(1);
  expect(last(1)).not.toBe(first);
  expect(last(1)?.program).toBe("a");
  expect(last(2)).toBe(second);
  expect(second.wasStopped).toBe(false);
  expect(log.lines).toEqual([
    {
      level: "error",
      message: "worker process died, it is started again",
      fields: { process: 1, processId: first.pid, how: "SIGKILL", wait: 100 },
    },
  ]);
});

test("the wait doubles with each death in a row, up to half a minute, and begins anew after half a minute of life", async () => {
  await running("a");
  const waits = async (deaths: number, life: number) => {
    const told: number[] = [];
    for (let death = 0; death < deaths; death++) {
      await clock.pass(life);
      last(1)?.end("code 1");
      await clock.pass(0);
      const wait = lastWait();
      told.push(wait);
      const count = processes.length;
      await clock.pass(wait);
      expect(processes).toHaveLength(count + 1);
    }
    return told;
  };
  expect(await waits(11, 29_999)).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
  expect(await waits(2, 30_000)).toEqual([100, 100]);
  expect(await waits(2, 10)).toEqual([200, 400]);
});

test("why a process could not be started again is logged, and it is tried again", async () => {
  const { first } = await running("a");
  first.end();
  await clock.pass(100);
  const again = last(1);
  again?.fail(new Error("no such table"));
  again?.end("code 1");
  await clock.pass(200);
  expect(log.messages("error")).toContain("worker process could not be started");
  expect(last(1)).not.toBe(again);
});

test("a process that cannot be launched counts as one that died at once: it is tried again, its sibling stays", async () => {
  const { first, second } = await running("a");
  launchesThatFail = 2;
  first.end();
  await clock.pass(100);
  expect(log.lines.slice(-2)).toEqual([
    {
      level: "error",
      message: "worker process could not be started",
      fields: { process: 1, processId: undefined, err: new Error("disk full") },
    },
    {
      level: "error",
      message: "worker process died, it is started again",
      fields: { process: 1, processId: undefined, how: "launch failed", wait: 200 },
    },
  ]);
  await clock.pass(200);
  expect(lastWait()).toBe(400);
  expect(last(1)).toBe(first);
  await clock.pass(400);
  expect(last(1)).not.toBe(first);
  expect(last(2)).toBe(second);
  expect(second.wasStopped).toBe(false);
});

describe("new processes", () => {
  test("take over when all of them fetch; then the old ones are stopped", async () => {
    const old = await running("a");
    const { first, second, done } = deploy("b");
    first.start();
    second.start();
    first.fetch();
    await clock.pass(10);
    expect(old.first.wasStopped).toBe(false);
    second.fetch();
    expect(await done).toEqual([facts, facts]);
    expect([old.first.wasStopped, old.second.wasStopped, first.wasStopped]).toEqual([true, true, false]);
    // An old one has ended as it was told: nobody starts it again.
    old.first.end("code 0");
    await clock.pass(60_000);
    expect(last(1)).toBe(first);
    first.end();
    await clock.pass(100);
    expect(last(1)?.program).toBe("b");
  });

  test("do not wait for a broker that is down longer than five seconds", async () => {
    const old = await running("a");
    const { first, second, done } = deploy("b");
    first.start();
    second.start();
    await clock.pass(4999);
    expect(old.first.wasStopped).toBe(false);
    await clock.pass(1);
    await done;
    expect(old.first.wasStopped).toBe(true);
  });

  test("of which one cannot be started leave the old ones in their place", async () => {
    const old = await running("a");
    const { first, second, done } = deploy("b");
    const failed = expect(done).rejects.toThrow("broken");
    first.start();
    second.fail(new Error("broken"));
    await clock.pass(0);
    expect(first.wasStopped).toBe(true);
    first.end("code 0");
    second.end("code 1");
    await failed;
    expect([old.first.wasStopped, old.second.wasStopped]).toEqual([false, false]);
    old.first.end();
    await clock.pass(100);
    expect(last(1)?.program).toBe("a");
  });

  test("of which one cannot be launched are stopped, and leave the old ones in their place", async () => {
    const old = await running("a");
    const newcomer = new PretendedProcess("b", 1);
    const done = supervisor.deploy((place) => {
      if (place === 1) return newcomer;
      throw new Error("disk full");
    });
    const failed = expect(done).rejects.toThrow("disk full");
    await clock.pass(0);
    expect(newcomer.wasStopped).toBe(true);
    newcomer.end("code 0");
    await failed;
    expect([old.first.wasStopped, old.second.wasStopped]).toEqual([false, false]);
    expect(await supervisor.running()).toBe(2);
  });

  test("that are not started within a minute are given up", async () => {
    const old = await running("a");
    const { first, second, done } = deploy("b");
    const failed = expect(done).rejects.toThrow("not started within a minute");
    first.start();
    await clock.pass(59_999);
    expect(first.wasStopped).toBe(false);
    await clock.pass(1);
    expect([first.wasStopped, second.wasStopped, old.first.wasStopped]).toEqual([true, true, false]);
    first.end("code 0");
    second.end("code 0");
    await failed;
  });

  test("that are given up make room at once, also where they do not end", async () => {
    const old = await running("a");
    const before = processes.length;
    const superseded = new AbortController();
    const done = supervisor.deploy((place) => launch("b", place), superseded.signal);
    superseded.abort(new Error("given up"));
    await expect(done).rejects.toThrow("given up");
    expect(processes.slice(before).map(({ wasStopped }) => wasStopped)).toEqual([true, true]);
    expect([old.first.wasStopped, old.second.wasStopped]).toEqual([false, false]);
    const { first } = await running("c");
    expect(last(1)).toBe(first);
    expect(old.first.wasStopped).toBe(true);
  });

  test("replace one that was waiting to be started again", async () => {
    const old = await running("a");
    old.first.end();
    await clock.pass(10);
    const { first } = await running("b");
    await clock.pass(60_000);
    expect(last(1)).toBe(first);
  });
});

test("stop() tells all of them, also those that are being started, and starts nothing again", async () => {
  const old = await running("a");
  const { first, second, done } = deploy("b");
  const stopped = supervisor.stop();
  const failed = expect(done).rejects.toThrow();
  for (const process of [old.first, old.second, first, second]) {
    expect(process.wasStopped).toBe(true);
    process.end("code 0");
  }
  await stopped;
  await failed;
  await clock.pass(60_000);
  expect(processes).toHaveLength(4);
  expect(await supervisor.deploy(() => new PretendedProcess("c", 1))).toEqual([]);
});

test("it is finished when the files of all processes have stopped their workers", async () => {
  const { first, second } = await running("a");
  let isFinished = false;
  void supervisor.finished.then(() => (isFinished = true));
  first.end("code 0", true);
  second.end("SIGKILL");
  await clock.pass(100);
  expect(isFinished).toBe(false);
  expect(processes).toHaveLength(3);
  last(2)?.end("code 0", true);
  await clock.pass(60_000);
  expect(isFinished).toBe(true);
  expect(processes).toHaveLength(3);
});

test("a report tells of each place how its process is, or that it has none", async () => {
  const { first, second } = await running("a");
  expect(await supervisor.running()).toBe(2);
  second.end();
  await clock.pass(0);
  expect(await supervisor.reports()).toEqual([
    { process: 1, pid: first.pid, started: true, healthy: true, running: 1 },
    { process: 2, pid: undefined, started: false },
  ]);
  supervisor.kill();
  expect([first.wasKilled, second.wasKilled]).toEqual([true, false]);
});
