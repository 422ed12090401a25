/** What a feature costs: the same work with and without it, each in a process of its own; BullMQ's beside it, where it has one. */
import { latencies, repeat, times } from "../meter.js";
import { contender, trying, type Lane, type Row, type Run, type Sample } from "../row.js";
import type { Setting, Trial } from "../system.js";
import { enough, sendAndProcess } from "./rates.js";

const group = "Redis: what a feature costs";

const sendingAndProcessing: Run = (session, lane, pace) => sendAndProcess(session, lane, { most: enough(pace, lane) });

/** Of what is worked on more slowly, or costs a command each to send, fewer wait for a run. */
const slower: Run = (session, lane, pace) => sendingAndProcessing(session, lane, pace / 4);

/** Callboard with one feature switched on: a new feature is one more entry. */
const features: Readonly<Record<string, { readonly setting: Setting; readonly run: Run }>> = {
  priorities: { setting: { priorities: true }, run: sendingAndProcessing },
  results: { setting: { answers: true }, run: sendingAndProcessing },
  // More than are at work: what it costs to ask for each.
  "a concurrency limit": { setting: { concurrencyLimit: 1000 }, run: slower },
  "a rate limit": { setting: { rateLimit: "for all" }, run: slower },
  "a rate limit by key": { setting: { rateLimit: "by key" }, run: slower },
  "unique messages": { setting: { unique: true }, run: slower },
  track: { setting: { track: true }, run: slower },
  "three layers of middleware": { setting: { around: "three layers" }, run: sendingAndProcessing },
  metrics: { setting: { around: "metrics" }, run: sendingAndProcessing },
  "tracing without an SDK": { setting: { around: "tracing" }, run: sendingAndProcessing },
};

const bullmqFeatures: Readonly<Record<string, Setting>> = {
  "BullMQ, a rate limit": { rateLimit: "for all" },
  "BullMQ, deduplication": { unique: true },
};

const switches: Row = {
  id: "features",
  group,
  title: "send, 200 in flight, and process, concurrency 100",
  server: "redis",
  measures: { send: "per second", process: "per second" },
  contenders: [
    contender("nothing on", "redis/callboard", {}, sendingAndProcessing),
    ...Object.entries(features).map(([name, { setting, run }]) => contender(name, "redis/callboard", setting, run)),
    // What it costs at the least to keep an answer.
    contender("ioredis, a SET of each answer", "redis/ioredis-batched", { answers: true }, sendingAndProcessing),
    ...Object.entries(bullmqFeatures).map(([name, setting]) =>
      contender(name, "redis/bullmq", setting, sendingAndProcessing),
    ),
  ],
};

/** Done so many at a time. */
const atOnce =
  (width: number) =>
  (trial: Trial, { effort }: Lane): Promise<Sample> =>
    repeat({ width, seconds: effort.seconds }, trial.one);

const rates = { rate: "per second", cpu: "µs" } as const;

const flows: readonly Row[] = [
  {
    id: "pipeline",
    group: "Redis: flows",
    title: "three steps, 50 flows in flight",
    server: "redis",
    measures: rates,
    contenders: [
      trying("Callboard, a pipeline", "callboard/pipeline of 3", atOnce(50)),
      trying(
        "Callboard, each sent by the handler before",
        "callboard/3 messages, each sent by the handler before",
        atOnce(50),
      ),
      trying("BullMQ, a flow", "bullmq/flow of 3", atOnce(50)),
      trying(
        "BullMQ, each added by the processor before",
        "bullmq/3 jobs, each added by the processor before",
        atOnce(50),
      ),
    ],
  },
  {
    id: "group",
    group: "Redis: flows",
    title: "ten side by side, 5 flows in flight",
    server: "redis",
    measures: rates,
    contenders: [
      trying("Callboard, a group", "callboard/group of 10", atOnce(5)),
      trying("Callboard, ten calls", "callboard/10 calls", atOnce(5)),
      trying("BullMQ, a flow", "bullmq/flow of 10 and 1", atOnce(5)),
      trying("BullMQ, ten jobs waited for", "bullmq/10 jobs waited for", atOnce(5)),
    ],
  },
];

const progress: Row = {
  id: "progress",
  group: "Redis: progress",
  title: "messages, 10 in flight",
  server: "redis",
  measures: rates,
  contenders: [
    trying("Callboard, 1,000 reports each", "callboard/1,000 reports", atOnce(10)),
    trying("Callboard, none", "callboard/no reports", atOnce(10)),
    trying("BullMQ, 1,000 reports each", "bullmq/1,000 reports", atOnce(10)),
    trying("BullMQ, none", "bullmq/no reports", atOnce(10)),
  ],
};

/** Done one by one. */
async function oneByOne({ one }: Trial, { effort }: Lane): Promise<Sample> {
  await times(effort.samples / 10, one);
  return latencies(await times(effort.samples, one));
}

const percentiles = { p50: "ms", p95: "ms", p99: "ms" } as const;

const threads: Row = {
  id: "isolate",
  group: "Redis: a handler in a thread",
  title: "call, one by one",
  server: "redis",
  measures: percentiles,
  contenders: [
    trying("Callboard, isolate", "callboard/call of a thread", oneByOne),
    trying("Callboard, in the worker's own", "callboard/call", oneByOne),
    trying("BullMQ, sandbox in a thread", "bullmq/job of a thread waited for", oneByOne),
  ],
};

/** Late by so much, over some seconds. The first has everything begin. */
async function late({ one }: Trial, { effort }: Lane): Promise<Sample> {
  await one();
  const all: number[] = [];
  for (let second = 0; second < (effort.quick ? 3 : 10); second++) all.push(...((await one()) as readonly number[]));
  return latencies(all);
}

const schedules: Row = {
  id: "ticks",
  group: "Redis: schedules",
  title: "from the full second to the handler, 20 schedules",
  server: "redis",
  measures: percentiles,
  exact: true,
  contenders: [
    trying("Callboard, schedules", "callboard/ticks", late),
    trying("BullMQ, job schedulers", "bullmq/ticks", late),
  ],
};

export const featureRows: readonly Row[] = [switches, ...flows, progress, threads, schedules];
