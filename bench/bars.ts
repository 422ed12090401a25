/** What Callboard is to reach: the bars that the table, `--check` and the README name. */
import { ratio, type Measured } from "./results.js";
import { show, times } from "./report/figures.js";
import { rows } from "./rows/index.js";

/** One bar: a measure of one contender, by itself or as a ratio to another contender of the same row. */
export interface Bar {
  readonly sentence: string;
  readonly row: string;
  readonly measure: string;
  /** Default: Callboard. */
  readonly contender?: string;
  /** Default: the figure itself is the limit's. */
  readonly against?: string;
  readonly limit: { readonly atLeast: number } | { readonly atMost: number };
}

/** A bar with what was measured. */
export interface Judgement {
  readonly sentence: string;
  readonly asked: string;
  /** Absent where the row was not measured. */
  readonly measured?: string;
  readonly verdict: "met" | "missed" | "not measured";
}

const atLeast = (value: number) => ({ atLeast: value }) as const;
const atMost = (value: number) => ({ atMost: value }) as const;

/**
 * What is left of both rates with one feature switched on. Priorities and results are to cost little; the others are
 * watched, so that none becomes slower unseen.
 */
const featureBars: Readonly<Record<string, { readonly send: number; readonly process: number }>> = {
  priorities: { send: 0.8, process: 0.8 },
  results: { send: 0.8, process: 0.8 },
  "a concurrency limit": { send: 0.8, process: 0.04 },
  "a rate limit": { send: 0.8, process: 0.06 },
  "a rate limit by key": { send: 0.4, process: 0.06 },
  "unique messages": { send: 0.15, process: 0.06 },
  track: { send: 0.25, process: 0.1 },
  "three layers of middleware": { send: 0.25, process: 0.4 },
  metrics: { send: 0.35, process: 0.5 },
  "tracing without an SDK": { send: 0.3, process: 0.5 },
};

function featureBar(feature: string, measure: "send" | "process", least: number): Bar {
  return {
    sentence: `${measure} with ${feature} switched on alone against nothing on`,
    row: "features",
    measure,
    contender: feature,
    against: "nothing on",
    limit: atLeast(least),
  };
}

export const bars: readonly Bar[] = [
  {
    sentence: "send, 200 in flight, against BullMQ's add",
    row: "send-200",
    measure: "rate",
    against: "BullMQ",
    limit: atLeast(3),
  },
  {
    sentence: "send, 200 in flight, against raw LPUSH auto-pipelined",
    row: "send-200",
    measure: "rate",
    against: "ioredis, LPUSH auto-pipelined",
    limit: atLeast(1.5),
  },
  {
    sentence: "sendMany(1000) against BullMQ's addBulk",
    row: "send-many",
    measure: "rate",
    against: "BullMQ",
    limit: atLeast(6),
  },
  {
    sentence: "sendMany(1000) against one raw LPUSH of ready strings",
    row: "send-many",
    measure: "rate",
    against: "ioredis, LPUSH of 1,000",
    limit: atLeast(0.5),
  },
  {
    sentence: "process a no-op, concurrency 100, against BullMQ",
    row: "process-100",
    measure: "rate",
    against: "BullMQ",
    limit: atLeast(6),
  },
  {
    sentence: "process a no-op, concurrency 100, against bee-queue",
    row: "process-100",
    measure: "rate",
    against: "bee-queue",
    limit: atLeast(5),
  },
  {
    sentence: "process a no-op, concurrency 100, against the raw batched floor",
    row: "process-100",
    measure: "rate",
    against: "ioredis, batched in Lua",
    limit: atLeast(0.8),
  },
  {
    sentence: "process a no-op, concurrency 1, against BullMQ",
    row: "process-1",
    measure: "rate",
    against: "BullMQ",
    limit: atLeast(2),
  },
  {
    sentence: "call, 50 in flight, against BullMQ's waitUntilFinished",
    row: "call-50",
    measure: "rate",
    against: "BullMQ",
    limit: atLeast(8),
  },
  {
    sentence: "call, one by one, p50, against a raw LPUSH / BRPOP round trip",
    row: "call-1",
    measure: "p50",
    against: "ioredis, LPUSH + BRPOP",
    limit: atMost(1.5),
  },
  {
    sentence: "call, one by one, p99, against BullMQ's",
    row: "call-1",
    measure: "p99",
    against: "BullMQ",
    limit: atMost(1),
  },
  {
    sentence: "bytes of a waiting message against the raw JSON in a list",
    row: "bytes-waiting",
    measure: "bytes",
    against: "ioredis, JSON in a list",
    limit: atMost(1.3),
  },
  { sentence: "Redis commands a second of an idle worker", row: "idle", measure: "sent", limit: atMost(1) },
  {
    sentence: "a send to an idle worker starts its handler, p99",
    row: "start-idle",
    measure: "p99",
    limit: atMost(2),
  },
  {
    sentence: "process with 1,000,000 waiting against 10,000 waiting",
    row: "depth",
    measure: "rate",
    contender: "1,000,000 waiting",
    against: "10,000 waiting",
    limit: atLeast(0.9),
  },
  ...Object.entries(featureBars).flatMap(([feature, { send, process }]) => [
    featureBar(feature, "send", send),
    featureBar(feature, "process", process),
  ]),
  {
    sentence: "process with results against plain ioredis that stores each answer",
    row: "features",
    measure: "process",
    contender: "results",
    against: "ioredis, a SET of each answer",
    limit: atLeast(0.8),
  },
  {
    sentence: "process with a rate limit against BullMQ's",
    row: "features",
    measure: "process",
    contender: "a rate limit",
    against: "BullMQ, a rate limit",
    limit: atLeast(0.7),
  },
  {
    sentence: "send unique messages against BullMQ's deduplication",
    row: "features",
    measure: "send",
    contender: "unique messages",
    against: "BullMQ, deduplication",
    limit: atLeast(0.3),
  },
  {
    sentence: "process unique messages against BullMQ's deduplication",
    row: "features",
    measure: "process",
    contender: "unique messages",
    against: "BullMQ, deduplication",
    limit: atLeast(0.8),
  },
  {
    sentence: "a pipeline of three against messages that handlers send one after the other",
    row: "pipeline",
    measure: "rate",
    contender: "Callboard, a pipeline",
    against: "Callboard, each sent by the handler before",
    limit: atLeast(0.1),
  },
  {
    sentence: "a pipeline of three against BullMQ's flow",
    row: "pipeline",
    measure: "rate",
    contender: "Callboard, a pipeline",
    against: "BullMQ, a flow",
    limit: atLeast(1),
  },
  {
    sentence: "a group of ten against ten calls",
    row: "group",
    measure: "rate",
    contender: "Callboard, a group",
    against: "Callboard, ten calls",
    limit: atLeast(0.2),
  },
  {
    sentence: "a group of ten against BullMQ's flow",
    row: "group",
    measure: "rate",
    contender: "Callboard, a group",
    against: "BullMQ, a flow",
    limit: atLeast(1),
  },
  {
    sentence: "messages with 1,000 reports of progress against BullMQ's",
    row: "progress",
    measure: "rate",
    contender: "Callboard, 1,000 reports each",
    against: "BullMQ, 1,000 reports each",
    limit: atLeast(6),
  },
  {
    sentence: "processor time of a message with 1,000 reports",
    row: "progress",
    measure: "cpu",
    contender: "Callboard, 1,000 reports each",
    limit: atMost(3000),
  },
  {
    sentence: "call of an isolated handler, p50, against one in the worker's own thread",
    row: "isolate",
    measure: "p50",
    contender: "Callboard, isolate",
    against: "Callboard, in the worker's own",
    limit: atMost(3),
  },
  {
    sentence: "call of an isolated handler, p50, against BullMQ's sandbox",
    row: "isolate",
    measure: "p50",
    contender: "Callboard, isolate",
    against: "BullMQ, sandbox in a thread",
    limit: atMost(1.2),
  },
  {
    sentence: "a schedule's handler begins after its second, p95",
    row: "ticks",
    measure: "p95",
    contender: "Callboard, schedules",
    limit: atMost(250),
  },
  {
    sentence: "RabbitMQ quorum: send with confirms against raw amqplib",
    row: "quorum-send-200",
    measure: "rate",
    against: "amqplib",
    limit: atLeast(0.9),
  },
  {
    sentence: "RabbitMQ quorum: process against raw amqplib",
    row: "quorum-process-100",
    measure: "rate",
    against: "amqplib",
    limit: atLeast(0.9),
  },
  {
    sentence: "gen, 1,000 actors in 500 files, cold",
    row: "gen-cold",
    measure: "time",
    contender: "callboard gen",
    limit: atMost(3),
  },
  {
    sentence: "its memory at the peak",
    row: "gen-cold",
    measure: "peak",
    contender: "callboard gen",
    limit: atMost(250),
  },
  {
    sentence: "gen, nothing changed",
    row: "gen-unchanged",
    measure: "time",
    contender: "callboard gen",
    limit: atMost(0.5),
  },
  {
    sentence: "gen --watch, one file changed",
    row: "gen-watch",
    measure: "time",
    contender: "callboard gen --watch",
    limit: atMost(300),
  },
  {
    sentence: "type-check of a producer against the same client written by hand",
    row: "gen-types",
    measure: "time",
    contender: "generated client",
    against: "the same, written by hand",
    limit: atMost(1.3),
  },
  ...["Redis", "RabbitMQ"].flatMap((contender): Bar[] => [
    { sentence: `import of a client on ${contender}`, row: "import", measure: "time", contender, limit: atMost(100) },
    {
      sentence: `packages that a client on ${contender} loads and has no use for`,
      row: "import",
      measure: "unwanted",
      contender,
      limit: atMost(0),
    },
  ]),
];

/** Every bar beside what was measured. */
export function judge(measured: readonly Measured[]): readonly Judgement[] {
  return bars.map((bar) => {
    const write = writerOf(bar);
    const { sentence, limit } = bar;
    const asked = "atLeast" in limit ? `at least ${write(limit.atLeast)}` : `at most ${write(limit.atMost)}`;
    const value = valueOf(bar, measured);
    if (value === undefined) return { sentence, asked, verdict: "not measured" };
    const met = "atLeast" in limit ? value >= limit.atLeast : value <= limit.atMost;
    return { sentence, asked, measured: write(value), verdict: met ? "met" : "missed" };
  });
}

/** Ratios are written as such, all else with its unit. Throws where a bar names what no row has: it would never be missed. */
function writerOf({ sentence, row: id, measure, contender = "Callboard", against }: Bar): (value: number) => string {
  const row = rows.find((each) => each.id === id);
  const unit = row?.measures[measure];
  const names = row?.contenders.map(({ name }) => name) ?? [];
  if (unit === undefined || !names.includes(contender) || (against !== undefined && !names.includes(against))) {
    throw new Error(`The bar "${sentence}" names a row, a measure or a contender that is not there.`);
  }
  return against === undefined ? (value) => show(value, unit) : times;
}

function valueOf({ row: id, contender = "Callboard", against, measure }: Bar, measured: readonly Measured[]) {
  const row = measured.find((each) => each.id === id);
  if (row === undefined) return undefined;
  if (against !== undefined) return ratio(row, measure, contender, against);
  return row.standings.find((standing) => standing.contender === contender)?.figures[measure]?.median;
}
