/** What changes when one thing does: validation, size, durability, distance, the number of queues. */
import { payloadOf } from "../order.js";
import { repeat } from "../meter.js";
import { contender, contenders, type Row, type Run, type ServerName } from "../row.js";
import { payload as order } from "../order.js";
import { peers } from "./contenders.js";
import { answered, enough, processRate, sendAndProcess } from "./rates.js";

const both = { send: "per second", process: "per second" } as const;

const sendingAndProcessing: Run = (session, lane, pace) => sendAndProcess(session, lane, { most: enough(pace, lane) });

const validation: Row = {
  id: "validation",
  thorough: true,
  group: "Redis: what validation costs",
  title: "Callboard",
  server: "redis",
  measures: both,
  contenders: [
    contender("an order, validated on both ends", "redis/callboard", {}, sendingAndProcessing),
    contender("z.unknown(), which takes anything", "redis/callboard", { validate: false }, sendingAndProcessing),
  ],
};

const sizes: readonly Row[] = Object.entries({ "100 B": 100, "1 KB": 1000, "100 KB": 100_000 }).map(
  ([name, bytes]): Row => ({
    id: `size-${bytes}`,
    group: "Redis: size of the message",
    title: name,
    server: "redis",
    measures: both,
    thorough: true,
    contenders: contenders(
      { ...peers, "ioredis, batched in Lua": "redis/ioredis-batched" },
      {},
      (session, lane, pace) => {
        const payload = payloadOf(bytes);
        // No more than Redis should hold at once.
        const most = Math.min(enough(pace, lane), Math.round(200_000_000 / bytes));
        return sendAndProcess(session, lane, { most, payload });
      },
    ),
  }),
);

const servers: Readonly<Record<string, ServerName>> = {
  "AOF off": "redis",
  "AOF everysec": "redis, everysec",
  "AOF always": "redis, always",
};

const durability: readonly Row[] = Object.entries(servers).map(([title, server]) => ({
  id: title.toLowerCase().replace(" ", "-"),
  group: "Redis: persistence",
  title,
  server,
  measures: both,
  thorough: true,
  contenders: contenders(peers, {}, sendingAndProcessing),
}));

const distance: readonly Row[] = [
  {
    id: "far",
    group: "Redis: 1 ms away, in each direction",
    title: "send, 200 in flight, and process, concurrency 100",
    server: "redis, 1 ms away",
    measures: both,
    thorough: true,
    contenders: contenders({ ...peers, "ioredis, batched in Lua": "redis/ioredis-batched" }, {}, sendingAndProcessing),
  },
  {
    id: "far-call",
    group: "Redis: 1 ms away, in each direction",
    title: "call, 50 in flight",
    server: "redis, 1 ms away",
    measures: { rate: "per second" },
    thorough: true,
    contenders: contenders(peers, { answers: true }, (session, { effort }) =>
      answered(session, () => repeat({ width: 50, seconds: effort.seconds }, () => session.call(order))),
    ),
  },
];

const queues: readonly Row[] = [1, 10, 100].map((count) => ({
  id: `queues-${count}`,
  group: "Redis: messages spread over queues",
  title: count === 1 ? "1 queue" : `${count} queues`,
  server: "redis",
  measures: { rate: "per second" },
  thorough: true,
  contenders: contenders(peers, { queues: count }, (session, lane, pace) =>
    processRate(session, lane, { concurrency: 100, most: enough(pace, lane) }),
  ),
}));

export const settingRows: readonly Row[] = [validation, ...sizes, ...durability, ...distance, ...queues];
