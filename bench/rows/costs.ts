/** What a message costs the server: bytes while it waits, bytes of its result, commands; and what an idle worker costs. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { payload } from "../order.js";
import { contenders, type Lane, type Row } from "../row.js";
import type { Session } from "../system.js";
import { peers } from "./contenders.js";
import { fill } from "./rates.js";

const COUNTED = 20_000;

/** Bytes that Redis holds more after something, for each of so many. The second time, when what is bounded is full. */
async function bytesOfEach(url: string, count: number, add: () => Promise<void>): Promise<number> {
  const redis = new Redis(url);
  const used = async () => Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
  try {
    await add();
    const before = await settled(used);
    await add();
    return ((await settled(used)) - before) / count;
  } finally {
    redis.disconnect();
  }
}

/** The value, once it no longer changes: buffers and what was deleted are given back a little later. */
async function settled(value: () => Promise<number>): Promise<number> {
  let last = await value();
  for (;;) {
    await sleep(200);
    const next = await value();
    if (Math.abs(next - last) < 20_000) return next;
    last = next;
  }
}

/** Works on everything that waits. */
async function finish(session: Session, count: number): Promise<void> {
  let handled = 0;
  let onLast: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (onLast = resolve));
  const working = await session.work({ concurrency: 100, handle: () => ++handled === count && onLast() });
  await all;
  await working.stop();
}

/** Commands that a server is given by its clients, and those that it runs inside scripts as well. */
interface Commands {
  readonly sent: number;
  readonly run: number;
}

async function commandsOf(url: string, during: () => Promise<unknown>): Promise<Commands> {
  const redis = new Redis(url);
  const monitor = await redis.monitor();
  const count = { sent: 0, run: 0 };
  const end = randomUUID();
  const ended = new Promise<void>((resolve) => {
    monitor.on("monitor", (_time: string, [, text]: readonly string[], source: string) => {
      if (text === end) return resolve();
      count.run++;
      if (source !== "lua") count.sent++;
    });
  });
  await during();
  await redis.echo(end);
  await ended;
  for (const connection of [redis, monitor]) {
    const closed = once(connection, "end");
    connection.disconnect();
    await closed;
  }
  return count;
}

const MONITORED = 5000;
const IN_FLIGHT = 200;

async function commandsOfMessages(session: Session, { url }: Lane) {
  await session.send(payload);
  const send = await commandsOf(url, async () => {
    for (let sent = 0; sent < MONITORED; sent += IN_FLIGHT) {
      await Promise.all(Array.from({ length: IN_FLIGHT }, () => session.send(payload)));
    }
  });
  const process = await commandsOf(url, () => finish(session, MONITORED + 1));
  return {
    send: send.sent / MONITORED,
    "send, with Lua": send.run / MONITORED,
    process: process.sent / MONITORED,
    "process, with Lua": process.run / MONITORED,
  };
}

export const costRows: readonly Row[] = [
  {
    id: "bytes-waiting",
    group: "Redis: what the server holds and does",
    title: "bytes of a waiting message",
    server: "redis",
    measures: { bytes: "bytes" },
    exact: true,
    contenders: contenders({ ...peers, "ioredis, JSON in a list": "redis/ioredis" }, {}, async (session, { url }) => ({
      bytes: await bytesOfEach(url, COUNTED, () => fill(session, COUNTED)),
    })),
  },
  {
    id: "bytes-result",
    thorough: true,
    group: "Redis: what the server holds and does",
    title: "bytes of a result that is kept",
    server: "redis",
    measures: { bytes: "bytes" },
    exact: true,
    contenders: contenders(peers, { answers: true, keep: true }, async (session, { url }) => ({
      bytes: await bytesOfEach(url, COUNTED, async () => {
        await fill(session, COUNTED);
        await finish(session, COUNTED);
      }),
    })),
  },
  {
    id: "commands",
    thorough: true,
    group: "Redis: what the server holds and does",
    title: "commands of a message",
    server: "redis",
    measures: { send: "count", "send, with Lua": "count", process: "count", "process, with Lua": "count" },
    exact: true,
    contenders: contenders(peers, {}, commandsOfMessages),
  },
  {
    id: "idle",
    group: "Redis: what the server holds and does",
    title: "commands a second of an idle worker",
    server: "redis",
    measures: { sent: "count", "with Lua": "count" },
    exact: true,
    contenders: contenders(peers, {}, async (session, { url, effort }) => {
      const seconds = effort.quick ? 5 : 20;
      const working = await session.work({ concurrency: 100, handle: () => undefined });
      // Until the worker has done each thing once: a server that has just begun is told each script first.
      await sleep(6000);
      const { sent, run } = await commandsOf(url, () => sleep(seconds * 1000));
      await working.stop();
      return { sent: sent / seconds, "with Lua": run / seconds };
    }),
  },
];
