/** One worker process and two: how much faster, what each holds in memory, and which processor is the limit. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { Meter } from "../meter.js";
import type { Contender, Lane, Row, Sample } from "../row.js";
import type { SystemName } from "../system.js";
import { enough, fill } from "./rates.js";

/** What a worker process tells, each time it has handled a hundred more. */
export interface Progress {
  readonly handled: number;
  /** Processor time since it was ready, in microseconds. */
  readonly cpu: number;
  /** Memory of the process, in bytes. */
  readonly rss: number;
}

/** A worker process with the latest that it has told. */
class Hand {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  latest: Progress = { handled: 0, cpu: 0, rss: 0 };

  constructor(system: SystemName, url: string, prefix: string) {
    const program = fileURLToPath(new URL("hand.js", import.meta.url));
    this.#child = fork(program, [system, url, prefix], { execArgv: ["--enable-source-maps"] });
    this.#gone = once(this.#child, "exit");
  }

  /** Resolves when it could begin. */
  async ready(): Promise<void> {
    const early = this.#gone.then(() => Promise.reject(new Error("A worker process ended early.")));
    await Promise.race([once(this.#child, "message"), early]);
  }

  begin(onProgress: () => void): void {
    this.#child.on("message", (progress: Progress) => {
      this.latest = progress;
      onProgress();
    });
    this.#child.send("begin");
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#gone;
  }
}

/** Hands tell of a hundred at a time. */
const REPORTED = 100;

async function processWith(count: number, system: SystemName, lane: Lane): Promise<Sample> {
  const prefix = `bench-hands-${process.pid}`;
  const redis = new Redis(lane.url);
  const session = await lane.open(system, {}, prefix);
  const hands = Array.from({ length: count }, () => new Hand(system, lane.url, prefix));
  try {
    const { pace } = await lane.systems[system]();
    const most = Math.ceil((enough(pace, lane) * count) / REPORTED);
    const warmUp = Math.ceil(most / 10);
    // A hand may end with up to a hundred that it has not told of.
    await fill(session, (warmUp + most + count) * REPORTED);
    await Promise.all(hands.map((hand) => hand.ready()));
    const meter = new Meter({ warmUp, most, seconds: lane.effort.seconds });
    const before = await redisCpu(redis);
    const begun = performance.now();
    for (const hand of hands) hand.begin(meter.one);
    const { rate } = await meter.done;
    const elapsed = performance.now() - begun;
    const serverCpu = (await redisCpu(redis)) - before;
    const latest = hands.map((hand) => hand.latest);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / count;
    return {
      rate: rate * REPORTED,
      "Redis CPU": (serverCpu / elapsed) * 100,
      "CPU of each": (mean(latest.map(({ cpu }) => cpu)) / 1000 / elapsed) * 100,
      "RSS of each": mean(latest.map(({ rss }) => rss)) / 2 ** 20,
    };
  } finally {
    await Promise.all(hands.map((hand) => hand.end()));
    await session.close();
    redis.disconnect();
  }
}

/** Processor time of the server so far, in milliseconds. */
async function redisCpu(redis: Redis): Promise<number> {
  const info = await redis.info("cpu");
  const seconds = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(info)?.[1]);
  return (seconds("used_cpu_user") + seconds("used_cpu_sys")) * 1000;
}

function hands(name: string, count: number, system: SystemName): Contender {
  const run = (lane: Lane) => processWith(count, system, lane);
  return { name, open: async (lane) => ({ run: () => run(lane), close: async () => undefined }) };
}

export const processRows: readonly Row[] = [
  {
    id: "worker-processes",
    thorough: true,
    group: "Redis: worker processes",
    title: "process a no-op, concurrency 100 each",
    server: "redis",
    measures: { rate: "per second", "Redis CPU": "percent", "CPU of each": "percent", "RSS of each": "MB" },
    contenders: [
      hands("Callboard, two", 2, "redis/callboard"),
      hands("Callboard, one", 1, "redis/callboard"),
      hands("BullMQ, two", 2, "redis/bullmq"),
      hands("BullMQ, one", 1, "redis/bullmq"),
      hands("bee-queue, two", 2, "redis/bee-queue"),
      hands("bee-queue, one", 1, "redis/bee-queue"),
    ],
  },
];
