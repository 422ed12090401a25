/** A worker project on Redis, and a producer that sends to it without pause and misses none of the answers. */
import { randomUUID } from "node:crypto";
import { actor } from "callboard";
import { createActorClient, defineActor } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { expect, onTestFinished } from "vitest";
import { z } from "zod";
import type { RunningCommand } from "../setup/command.js";
import { createProject, type Project } from "../setup/project.js";
import { eventually } from "../support/eventually.js";

/** What a handler answers: who ran it, of which version, at which attempt. */
const output = z.object({ n: z.number(), pid: z.number(), version: z.string(), attempt: z.number() });
type Answer = z.output<typeof output>;

/** How long an answer may take, in milliseconds: a lease that ends, a sweep, and a machine that is busy. */
const LIMIT = 60_000;

const contract = `
  import { actor } from "callboard";
  import { z } from "zod";
  export const step = actor({
    input: z.object({ n: z.number(), ms: z.number() }),
    output: z.object({ n: z.number(), pid: z.number(), version: z.string(), attempt: z.number() }),
  });
`;

const worker = `
  import { redisBroker } from "callboard/redis";
  import { createWorker } from "./generated/worker.js";
  import { demo } from "./handlers/demo.js";
  const { REDIS_URL: url = "", PREFIX: prefix } = process.env;
  export default createWorker(redisBroker(url, { prefix, lease: 2000, sweepInterval: 500 }), { demo });
`;

/** In the place of a time: the handler takes until `release()`. */
const HELD = -1;
/** A file of the project that is there once those handlers may end. */
const RELEASED = "released";

/** The handlers of a version. */
export const handlers = (version: string) => `
  import { existsSync } from "node:fs";
  import { setTimeout as sleep } from "node:timers/promises";
  import type { DemoHandlers } from "../generated/worker.js";
  export const demo: DemoHandlers = {
    async step({ n, ms }, { message: { attempt } }) {
      if (ms !== ${HELD}) await sleep(ms);
      else while (!existsSync(${JSON.stringify(RELEASED)})) await sleep(20);
      return { n, pid: process.pid, version: ${JSON.stringify(version)}, attempt };
    },
  };
`;

/** A worker project whose handlers are of the version "one". */
export async function createWorkerProject(redisUrl: string): Promise<WorkerProject> {
  const files = { "contracts/demo.ts": contract, "worker.ts": worker, "handlers/demo.ts": handlers("one") };
  const project = createProject(files);
  expect((await project.callboard("gen")).code).toBe(0);
  return new WorkerProject(project, redisUrl);
}

/** A project, its running command, and its producer. */
export class WorkerProject {
  readonly answers: Answer[] = [];
  readonly #env;
  readonly #client;
  readonly #pending: Promise<unknown>[] = [];
  #sent = 0;
  #isSending = false;
  #sending: Promise<void> | undefined;

  constructor(
    readonly files: Project,
    redisUrl: string,
  ) {
    this.#env = { REDIS_URL: redisUrl, PREFIX: `cli-${randomUUID()}` };
    const broker = redisBroker(redisUrl, { prefix: this.#env.PREFIX });
    const step = actor({ input: z.object({ n: z.number(), ms: z.number() }), output });
    const definition = defineActor<{ input: { n: number; ms: number }; output: Answer }>(step, {
      name: "demo.step",
      fingerprint: "00000000",
    });
    this.#client = createActorClient<typeof definition>(broker, definition);
    onTestFinished(async () => {
      this.#isSending = false;
      await this.#sending;
      await broker.close();
    });
  }

  /** Starts `callboard worker worker.ts`. */
  begin(...args: readonly string[]): RunningCommand {
    return this.files.start(["worker", "worker.ts", ...args], this.#env);
  }

  /** The same, and waits until it says that it runs. */
  async start(...args: readonly string[]): Promise<RunningCommand> {
    const command = this.begin(...args);
    await command.printed("callboard worker: redis");
    return command;
  }

  /** Sends a message whose handler takes this long, and resolves with the answer. */
  call(ms: number): Promise<Answer> {
    const answered = this.#call(++this.#sent, ms);
    this.#pending.push(answered);
    return answered;
  }

  /** Sends a message whose handler takes until `release()`. */
  hold(): Promise<Answer> {
    return this.call(HELD);
  }

  /** Lets the handlers of all messages end that are held. */
  release(): void {
    this.files.write(RELEASED, "");
  }

  async #call(n: number, ms: number): Promise<Answer> {
    const message = await this.#client.send({ n, ms });
    const answer = await message.result({ timeout: LIMIT });
    this.answers.push(answer);
    return answer;
  }

  /** Begins to send: every few milliseconds a message whose handler takes this long. */
  send(ms: number): void {
    this.#isSending = true;
    this.#sending = (async () => {
      while (this.#isSending) {
        void this.call(ms);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
  }

  /** Waits until so many more messages have been answered by such handlers. */
  async answered(count: number, by: Partial<Answer> = {}): Promise<void> {
    const matching = () =>
      this.answers.filter((answer) =>
        Object.entries(by).every(([name, value]) => answer[name as keyof Answer] === value),
      ).length;
    const before = matching();
    await eventually(`${count} answers by ${JSON.stringify(by)}`, () => matching() >= before + count, LIMIT);
  }

  /** Ends the sending, and waits for the answer to every call: none is lost, none was given by a second attempt. */
  async allAnswered(): Promise<void> {
    this.#isSending = false;
    await this.#sending;
    await Promise.all(this.#pending);
    expect(new Set(this.answers.map(({ n }) => n)).size).toBe(this.#sent);
    expect(this.answers.filter(({ attempt }) => attempt > 1)).toEqual([]);
  }
}

/** Where a command answers over HTTP, by what it has printed. */
export function urlOf({ output: text }: RunningCommand): string {
  const [url] = /http:\/\/[\d.:]+/.exec(text) ?? [];
  if (url === undefined) throw new Error(`no address was printed:\n${text}`);
  return url;
}

/** What `/healthz` and `/readyz` tell. */
export interface Health {
  readonly code: number;
  readonly status: string;
  readonly processes: readonly {
    readonly process: number;
    readonly pid?: number;
    readonly healthy?: boolean;
    readonly running?: number;
  }[];
}

/** Asks a command how it is. */
export async function ask(command: RunningCommand, path: "/healthz" | "/readyz"): Promise<Health> {
  const response = await fetch(`${urlOf(command)}${path}`);
  return { code: response.status, ...((await response.json()) as Omit<Health, "code">) };
}

/** Waits until each of a command's processes runs a handler; with `least`, until so many do. */
export function atWork(command: RunningCommand, least?: number): Promise<void> {
  return eventually("the processes to be at work", async () => {
    const { processes } = await ask(command, "/healthz");
    const working = processes.filter(({ running = 0 }) => running > 0);
    return working.length >= (least ?? processes.length);
  });
}

/** The ids of a command's processes. */
export async function pidsOf(command: RunningCommand): Promise<readonly number[]> {
  const { processes } = await ask(command, "/healthz");
  return processes.flatMap(({ pid }) => pid ?? []);
}

/** Whether there is a process of this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
