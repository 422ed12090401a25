/** Actors that run in threads: what a handler has there, and what becomes of a thread that does not end or ends by itself. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  CancelledError,
  InvalidOptionError,
  memoryBroker,
  MissingHandlerError,
  type ActorOptions,
  type Broker,
} from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { createWorker, type IsolateOptions, type Worker, type WorkerOptions } from "callboard/worker";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";
import { createProject } from "../setup/project.js";

type Job = Actor<{ input: unknown; output: unknown }>;

const job = (name: string, options: Partial<ActorOptions> = {}): Job =>
  testActor(name, { input: z.unknown(), output: z.unknown(), isolate: true, maxRetries: 0, ...options });

/** TypeScript that no Node reads by itself. */
const handlers = `
  import { threadId } from "node:worker_threads";
  import { currentTask, DoNotRetry, RetryLater, type ProgressTask } from "callboard";
  type Task = ProgressTask<unknown>;
  import { shout } from "./shout.js";

  enum Words { gone = "gone" }
  class OwnError extends RangeError {
    override readonly name = "OwnError";
  }
  const endless = () => { for (;;); };
  const untilAborted = ({ signal, log }: Task) =>
    new Promise((resolve) => signal.addEventListener("abort", () => {
      log.info({ reason: signal.reason.code }, "told");
      resolve(Words.gone);
    }));
  const deeds: Record<string, (task: Task) => unknown> = {
    endless,
    exit: () => process.exit(3),
    greedy: () => { const kept: unknown[] = []; for (;;) kept.push(new Array(100_000).fill(kept)); },
    stray: () => new Promise(() => setTimeout(() => { throw new Error("stray"); })),
    refuse: () => { throw new DoNotRetry("no use"); },
    later: ({ message }) => { if (message.attempt === 1) throw new RetryLater(30, "busy"); return message.attempt; },
    own: () => { throw Object.assign(new OwnError("of its own"), { code: "EOWN" }); },
    function: () => () => undefined,
    wait: untilAborted,
    nap: () => new Promise((resolve) => setTimeout(resolve, 200, threadId)),
    log: ({ log }) => { log.child?.({ inner: 1 }).warn({ f: () => 1 }, "odd"); log.error({ a: 1 }, "plain"); },
    look: ({ message }) => ({ ...message, same: currentTask()?.message.id === message.id, here: import.meta.url }),
    thread: () => threadId,
    tell: (task) => { task.progress({ step: 3 }); return "told"; },
    mistell: (task) => { task.progress({ step: "3" }); return "told"; },
  };
  export const test = {
    job: (input: { deed: string }, task: Task) => deeds[input.deed]?.(task),
    echo: (input: unknown) => input,
    loud: (input: string) => shout(input),
  };
`;

const files = {
  "handlers.ts": handlers,
  "shout.ts": "export const shout = (text: string): string => text.toUpperCase();",
  "empty.mjs": "export const other = {};",
  "broken.mjs": "throw new Error('not today');",
  "default.mjs": "export default { test: { job: () => 'from the default export' } };",
};

describe("an isolated actor", () => {
  const workers: Worker[] = [];
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  });

  const project = () => createProject(files);
  const logger = new TestLogger();

  interface Setting extends Omit<WorkerOptions, "isolate"> {
    readonly isolate?: Partial<IsolateOptions>;
    readonly file?: string;
  }

  /** Starts a worker whose handlers run in threads, unless they are given. */
  async function work(actors: Readonly<Record<string, Job>>, setting: Setting = {}, own: object = {}): Promise<Broker> {
    const { isolate, file = "handlers.ts", ...options } = setting;
    const module = pathToFileURL(join(project().directory, file));
    const broker = memoryBroker();
    const worker = createWorker(
      broker,
      { test: actors },
      { test: own },
      { logger, shutdownTimeout: 500, ...options, isolate: { handlers: module, ...isolate } },
    );
    workers.push(worker);
    await worker.start();
    return broker;
  }
  const call = (broker: Broker, actor: Job, input: unknown) =>
    createActorClient<Job>(broker, actor).call(input, { timeout: "25s" });

  it("has its input, its message, its log and its current task, and answers", async () => {
    const one = job("job");
    const broker = await work({ job: one });
    const seen = await call(broker, one, { deed: "look" });
    expect(seen).toMatchObject({ actor: "test.job", queue: "default", attempt: 1, maxAttempts: 1, same: true });
    expect(String((seen as { here: string }).here)).toMatch(/^file:.*\/handlers\.ts$/);
    await call(broker, one, { deed: "log" });
    expect(logger.lines).toContainEqual({ level: "error", message: "plain", fields: { a: 1 } });
    expect(logger.lines.find(({ message }) => message === "odd")).toMatchObject({ level: "warn" });
    expect(Number(await call(broker, one, { deed: "thread" }))).toBeGreaterThan(0);
  });

  it("tells its progress, and fails at its end where that does not fit", async () => {
    type Told = Actor<{ input: unknown; output: unknown; progress: { step: number }; tracked: true }>;
    const progress = z.object({ step: z.number() });
    const options = { input: z.unknown(), output: z.unknown(), progress, isolate: true, maxRetries: 0 };
    const one: Told = testActor("job", options);
    const broker = await work({ job: one });
    const client = createActorClient<Told>(broker, one);
    const message = await client.send({ deed: "tell" });
    expect(await message.result({ timeout: "25s" })).toBe("told");
    expect((await message.progress().next()).value).toEqual({ step: 3 });
    await expect(client.call({ deed: "mistell" }, { timeout: "25s" })).rejects.toThrow(/progress does not fit.*step/);
  });

  it("is really stopped when its message is cancelled, also where it never yields", async () => {
    const one = job("job");
    const broker = await work({ job: one }, { isolate: { threads: 1 } });
    const message = await createActorClient<Job>(broker, one).send({ deed: "endless" });
    await eventually("it to run", () => workers.at(-1)?.running === 1);
    expect(await message.cancel()).toBe("cancelling");
    await expect(message.result({ timeout: "25s" })).rejects.toThrow(/cancelled/);
    // There is one thread, and it is free again.
    expect(await call(broker, one, { deed: "log" })).toBeUndefined();
  });

  it("case 22: is really stopped at its time limit, also where it never yields, and its neighbours live on", async () => {
    const one = job("job", { timeLimit: 2000 });
    const echo = job("echo", { isolate: false, queue: "other" });
    const broker = await work({ job: one, echo }, { isolate: { threads: 1 } }, { echo: (input: unknown) => input });
    const stuck = call(broker, one, { deed: "endless" });
    const behind = call(broker, one, { deed: "thread" });
    expect(await call(broker, echo, "alive")).toBe("alive");
    await expect(stuck).rejects.toMatchObject({ reason: "retries-exhausted", remote: { name: "TimeLimitError" } });
    // It waited for the only thread, and its own time limit did not run meanwhile.
    expect(await behind).toBeGreaterThan(0);
  });

  it("is aborted before it is stopped, and what it answers in time counts for nothing but its end", async () => {
    const one = job("job", { timeLimit: 300 });
    const broker = await work({ job: one });
    await expect(call(broker, one, { deed: "wait" })).rejects.toMatchObject({ remote: { name: "TimeLimitError" } });
    await eventually("its last words", () => logger.messages("info").includes("told"));
    expect(logger.lines.find(({ message }) => message === "told")?.fields).toEqual({ reason: "TIME_LIMIT" });
  });

  it.each([
    ["exit", /exited with code: 3/],
    ["greedy", /memory/],
    ["stray", /stray/],
  ])("fails alone when its thread ends by itself: %s", async (deed, words) => {
    const one = job("job");
    const broker = await work({ job: one }, { isolate: { threads: 2, memory: 32 } });
    const [dead, alive] = await Promise.allSettled([call(broker, one, { deed }), call(broker, one, { deed: "nap" })]);
    expect(dead).toMatchObject({
      reason: { remote: { name: "ThreadLostError", message: expect.stringMatching(words) } },
    });
    expect(alive).toMatchObject({ status: "fulfilled" });
    expect(await call(broker, one, { deed: "thread" })).toBeGreaterThan(0);
  });

  it("throws what it throws: by name, by class and by what is decided by it", async () => {
    class OwnError extends Error {}
    const asked: unknown[] = [];
    const retryWhen = (error: unknown) => (asked.push(error), false);
    const own = job("job", { maxRetries: 5, retryWhen });
    const broker = await work({ job: own });
    await expect(call(broker, own, { deed: "refuse" })).rejects.toMatchObject({
      reason: "do-not-retry",
      remote: { name: "DoNotRetry", message: "no use" },
    });
    await expect(call(broker, own, { deed: "own" })).rejects.toMatchObject({ reason: "retries-exhausted" });
    expect(asked).toMatchObject([{ name: "OwnError", message: "of its own", code: "EOWN" }]);
    const foreseen = job("job", { maxRetries: 5, throws: [OwnError] });
    const strict = await work({ job: foreseen });
    await expect(call(strict, foreseen, { deed: "own" })).rejects.toMatchObject({
      reason: "do-not-retry",
      remote: { name: "OwnError", stack: expect.stringContaining("handlers.ts") },
    });
    expect(await call(strict, foreseen, { deed: "later" })).toBe(2);
    await expect(call(broker, own, { deed: "function" })).rejects.toMatchObject({ reason: "invalid-output" });
    const uncopied = { ...own, input: { ...own.input, check: () => ({ ok: true as const, value: () => undefined }) } };
    const other = await work({ job: uncopied });
    await expect(call(other, own, {})).rejects.toMatchObject({ reason: "do-not-retry" });
  });

  it("is given back untouched at shutdown, whether it runs or waits for a thread", async () => {
    const one = job("job");
    const broker = await work({ job: one }, { isolate: { threads: 1 }, shutdownTimeout: 50 });
    const client = createActorClient<Job>(broker, one);
    const sent = await client.sendMany([{ deed: "endless" }, { deed: "thread" }, { deed: "thread" }]);
    await eventually("all of them to be taken", () => workers[0]?.running === 3);
    await workers.pop()?.stop();
    expect(await broker.deadLetters.list("default")).toEqual([]);
    const attempts: number[] = [];
    const again = createWorker(
      broker,
      { test: { job: testActor("job", { input: z.unknown(), output: z.unknown() }) } },
      { test: { job: (_: unknown, task: { message: { attempt: number } }) => attempts.push(task.message.attempt) } },
      { logger },
    );
    workers.push(again);
    await again.start();
    await Promise.all(sent.map((message) => message.result({ timeout: "20s" })));
    expect(attempts).toEqual([1, 1, 1]);
  });

  it("is stopped when its message is cancelled, and its thread goes to the next message", async () => {
    const one = job("job");
    const broker = await work({ job: one }, { isolate: { threads: 1 } });
    const message = await createActorClient<Job>(broker, one).send({ deed: "endless" });
    await eventually("the handler", () => workers[0]?.running === 1);
    await message.cancel();
    await expect(message.result({ timeout: "20s" })).rejects.toThrow(CancelledError);
    expect(await call(broker, one, { deed: "thread" })).toBeGreaterThan(0);
    expect(await broker.deadLetters.list("default")).toEqual([]);
  });

  it("runs side by side with others, as many as there are threads", async () => {
    const one = job("job");
    const broker = await work({ job: one }, { isolate: { threads: 3 } });
    const threads = new Set<unknown>();
    await eventually("all threads to have had some", async () => {
      const used = await Promise.all(Array.from({ length: 9 }, () => call(broker, one, { deed: "nap" })));
      for (const thread of used) threads.add(thread);
      return threads.size >= 3;
    });
    expect(threads.size).toBe(3);
  });

  it("may be found in the default export of its module", async () => {
    const one = job("job");
    expect(await call(await work({ job: one }, { file: "default.mjs" }), one, {})).toBe("from the default export");
  });

  it("is refused where its handler cannot be found, when the worker is created or started", async () => {
    const actors = { test: { job: job("job") } };
    const create = (options: object) => () => createWorker(memoryBroker(), actors, {}, { logger, ...options });
    expect(create({})).toThrow(InvalidOptionError);
    expect(create({})).toThrow(/test\.job runs in a thread; say where that finds its handler: createWorker\(/);
    expect(create({ isolate: "./handlers.js" })).toThrow(/"isolate" must be the URL of a file/);
    expect(create({ isolate: new URL("file:///nowhere/handlers.js") })).toThrow(/not there: \/nowhere\/handlers\.js/);
    const module = pathToFileURL(join(project().directory, "empty.mjs"));
    expect(create({ isolate: { handlers: module, thread: 3 } })).toThrow(/Did you mean "threads"/);
    expect(create({ isolate: { handlers: module, threads: 0 } })).toThrow(/"threads" must be a whole number/);
    const missing = create({ isolate: module })().start();
    await expect(missing).rejects.toThrow(MissingHandlerError);
    await expect(missing).rejects.toThrow(/No handler for test\.job in .*empty\.mjs/);
    const broken = pathToFileURL(join(project().directory, "broken.mjs"));
    await expect(create({ isolate: broken })().start()).rejects.toThrow(/broken\.mjs cannot be loaded.*not today/);
  });
});
