/** The main rows: sending, working and calling on a Redis server without persistence. */
import { setTimeout as sleep } from "node:timers/promises";
import { payload, payloadWithId } from "../order.js";
import { latencies, repeat, times } from "../meter.js";
import { contender, contenders, type Row, type Run, type Sample } from "../row.js";
import type { Session, Setting } from "../system.js";
import { peers } from "./contenders.js";
import { answered, enough, processRate, sendManyRate, sendRate } from "./rates.js";

const answers: Setting = { answers: true };

const sending: Run = async (session, lane) => sendRate(session, lane, 200);

const sends: readonly Row[] = [
  {
    id: "send-1",
    thorough: true,
    group: "Redis: send",
    title: "one by one",
    server: "redis",
    measures: { rate: "per second", cpu: "µs" },
    contenders: contenders({ ...peers, "ioredis, LPUSH": "redis/ioredis" }, {}, (session, lane) =>
      sendRate(session, lane, 1),
    ),
  },
  {
    id: "send-200",
    group: "Redis: send",
    title: "200 in flight",
    server: "redis",
    measures: { rate: "per second", cpu: "µs" },
    contenders: [
      ...contenders(peers, {}, sending),
      contender("ioredis, LPUSH", "redis/ioredis", {}, sending),
      contender("ioredis, LPUSH auto-pipelined", "redis/ioredis-pipelined", {}, sending),
    ],
  },
  {
    id: "send-many",
    group: "Redis: send",
    title: "sendMany of 1,000",
    server: "redis",
    measures: { rate: "per second", cpu: "µs" },
    contenders: contenders({ ...peers, "ioredis, LPUSH of 1,000": "redis/ioredis" }, {}, sendManyRate),
  },
];

const processing = (concurrency: number): Run => {
  // One at a time is slower than the pace of many.
  const share = concurrency >= 100 ? 1 : concurrency >= 10 ? 0.7 : 0.3;
  return (session, lane, pace) => processRate(session, lane, { concurrency, most: enough(pace * share, lane) });
};

const processes: readonly Row[] = [1, 10, 100, 1000].map((concurrency) => ({
  id: `process-${concurrency}`,
  group: "Redis: process a no-op",
  title: `concurrency ${concurrency.toLocaleString("en-US")}`,
  server: "redis",
  measures: { rate: "per second", cpu: "µs" },
  thorough: concurrency === 10 || concurrency === 1000,
  contenders: contenders(
    { ...peers, "ioredis, LMOVE + LREM": "redis/ioredis", "ioredis, batched in Lua": "redis/ioredis-batched" },
    {},
    processing(concurrency),
  ),
}));

const calls: readonly Row[] = [
  {
    id: "call-1",
    group: "Redis: call",
    title: "one by one",
    server: "redis",
    measures: { p50: "ms", p95: "ms", p99: "ms" },
    contenders: contenders({ ...peers, "ioredis, LPUSH + BRPOP": "redis/ioredis" }, answers, (session, { effort }) =>
      answered(session, async () => latencies(await times(effort.samples, () => session.call(payload)))),
    ),
  },
  {
    id: "call-50",
    group: "Redis: call",
    title: "50 in flight",
    server: "redis",
    measures: { rate: "per second", cpu: "µs" },
    contenders: contenders(peers, answers, (session, { effort }) =>
      answered(session, () => repeat({ width: 50, seconds: effort.seconds }, () => session.call(payload))),
    ),
  },
];

/** From `send` to the handler's first line: messages leave at fixed times, whatever became of those before. */
async function startLatencies(
  session: Session,
  { count, interval }: { readonly count: number; readonly interval: number },
): Promise<Sample> {
  const sent: number[] = [];
  const taken: number[] = [];
  let onLast: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (onLast = resolve));
  const working = await session.work({
    concurrency: 100,
    handle({ id }) {
      taken.push(performance.now() - (sent[Number(id)] ?? NaN));
      if (taken.length === count) onLast();
    },
  });
  const payloads = Array.from({ length: count }, (_, i) => payloadWithId(String(i)));
  await sleep(500);
  const begun = performance.now();
  const sending: Promise<unknown>[] = [];
  for (const [i, one] of payloads.entries()) {
    const wait = begun + i * interval - performance.now();
    if (wait > 0) await sleep(wait);
    sent.push(performance.now());
    sending.push(session.send(one));
  }
  await Promise.all([...sending, all]);
  await working.stop();
  // The first tenth found caches cold.
  return latencies(taken.slice(Math.floor(count / 10)));
}

const starts: readonly Row[] = [
  {
    id: "start-1000",
    thorough: true,
    group: "Redis: from send to start",
    title: "a steady 1,000 a second",
    server: "redis",
    measures: { p50: "ms", p95: "ms", p99: "ms" },
    contenders: contenders(
      { ...peers, "ioredis, batched in Lua": "redis/ioredis-batched" },
      {},
      (session, { effort }) => startLatencies(session, { count: Math.round(1000 * effort.seconds * 2), interval: 1 }),
    ),
  },
  {
    id: "start-idle",
    group: "Redis: from send to start",
    title: "an idle worker, a send each 10 ms",
    server: "redis",
    measures: { p50: "ms", p95: "ms", p99: "ms" },
    contenders: contenders(peers, {}, (session, { effort }) =>
      startLatencies(session, { count: Math.round(100 * effort.seconds * 2), interval: 10 }),
    ),
  },
];

export const redisRows: readonly Row[] = [...sends, ...processes, ...calls, ...starts];
