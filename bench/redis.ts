/** Callboard on Redis, beside what plain ioredis does. */
import { randomUUID } from "node:crypto";
import { createActorClient } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { Redis } from "ioredis";
import type { Broker } from "../runtime/broker.js";
import { inFlight, rate, type Row } from "./measure.js";
import { order, ship } from "./order.js";
import { body, callRate, callTime, Count, medianTime, processRate, withWorker } from "./work.js";

const SENDS = 40_000;
const PROCESSED = 60_000;
const CALLS = 10_000;

/** Moves up to n bodies into a hash and acks others: what a batched, crash-safe take costs at the least. */
const FLOOR = `
if #ARGV > 2 then redis.call("HDEL", KEYS[2], unpack(ARGV, 3)) end
local bodies = redis.call("RPOP", KEYS[1], ARGV[1])
if not bodies then return {} end
local pairs = {}
for i, body in ipairs(bodies) do
  pairs[2 * i - 1] = ARGV[2] + i
  pairs[2 * i] = body
end
redis.call("HSET", KEYS[2], unpack(pairs))
return bodies`;

export function redisRows(url: string): readonly Row[] {
  return [
    {
      name: "send, 200 in flight",
      unit: "per second",
      contenders: [
        { name: "callboard", run: () => withBroker(url, sendRate) },
        { name: "ioredis, LPUSH auto-pipelined", run: () => withRedis(url, lpushRate, { enableAutoPipelining: true }) },
      ],
    },
    {
      name: "sendMany of 1,000",
      unit: "per second",
      contenders: [
        { name: "callboard", run: () => withBroker(url, sendManyRate) },
        { name: "ioredis, LPUSH of 1,000 ready strings", run: () => withRedis(url, variadicRate) },
      ],
    },
    {
      name: "process a no-op, concurrency 100",
      unit: "per second",
      contenders: [
        { name: "callboard", run: () => withBroker(url, (broker) => processRate(broker, PROCESSED)) },
        { name: "ioredis, batched take and ack in Lua", run: () => withRedis(url, floorRate) },
      ],
    },
    {
      name: "call, 50 in flight",
      unit: "per second",
      contenders: [
        {
          name: "callboard",
          run: () => withBroker(url, (broker) => withWorker(broker, () => callRate(broker, CALLS))),
        },
      ],
    },
    {
      name: "call, one by one, p50",
      unit: "ms",
      contenders: [
        { name: "callboard", run: () => withBroker(url, (broker) => withWorker(broker, () => callTime(broker))) },
        { name: "ioredis, LPUSH and BRPOP both ways", run: () => withRedis(url, (redis) => roundTripTime(redis, url)) },
      ],
    },
  ];
}

function sendRate(broker: Broker): Promise<number> {
  const client = createActorClient<typeof ship>(broker, ship);
  return rate(SENDS, () => inFlight(SENDS, 200, () => client.send(order)));
}

function sendManyRate(broker: Broker): Promise<number> {
  const client = createActorClient<typeof ship>(broker, ship);
  const orders = Array.from({ length: 1000 }, () => order);
  return rate(SENDS, async () => {
    for (let sent = 0; sent < SENDS; sent += 1000) await client.sendMany(orders);
  });
}

async function lpushRate(redis: Redis): Promise<number> {
  return rate(SENDS, () => inFlight(SENDS, 200, () => redis.lpush("raw", body)));
}

async function variadicRate(redis: Redis): Promise<number> {
  const bodies = Array.from({ length: 1000 }, () => body);
  return rate(SENDS, async () => {
    for (let sent = 0; sent < SENDS; sent += 1000) await redis.lpush("raw", ...bodies);
  });
}

async function floorRate(redis: Redis): Promise<number> {
  const bodies = Array.from({ length: 1000 }, () => body);
  for (let sent = 0; sent < PROCESSED; sent += 1000) await redis.lpush("raw", ...bodies);
  const sha = String(await redis.script("LOAD", FLOOR));
  const handled = new Count(PROCESSED);
  // As our own worker does it: batches of 100, the next call under way while a batch is worked on.
  const take = (from: number, acks: readonly number[]) =>
    redis.evalsha(sha, 2, "raw", "held", 100, from, ...acks) as Promise<string[]>;
  let coming = take(0, []);
  for (let from = 100, done: number[] = []; ; from += 100) {
    const batch = await coming;
    if (batch.length === 0) return handled.perSecond;
    coming = take(from, done);
    done = batch.map((text, i) => {
      JSON.parse(text);
      handled.one();
      return from - 100 + i + 1;
    });
  }
}

async function roundTripTime(redis: Redis, url: string): Promise<number> {
  const other = new Redis(url);
  const answering = (async () => {
    for (;;) {
      const [, text] = (await other.brpop("ping", 0)) ?? [];
      if (text === undefined || text === "end") return;
      await other.lpush("pong", "true");
    }
  })();
  const caller = redis.duplicate();
  const time = await medianTime(async () => {
    await redis.lpush("ping", body);
    await caller.brpop("pong", 0);
  });
  await redis.lpush("ping", "end");
  await answering;
  caller.disconnect();
  other.disconnect();
  return time;
}

async function withBroker(url: string, run: (broker: Broker) => Promise<number>): Promise<number> {
  const broker = redisBroker(url, { prefix: `bench:${randomUUID()}` });
  try {
    return await run(broker);
  } finally {
    await broker.close();
    await flush(url);
  }
}

async function withRedis(
  url: string,
  run: (redis: Redis) => Promise<number>,
  options: { readonly enableAutoPipelining?: boolean } = {},
): Promise<number> {
  const redis = new Redis(url, options);
  try {
    return await run(redis);
  } finally {
    redis.disconnect();
    await flush(url);
  }
}

async function flush(url: string): Promise<void> {
  const redis = new Redis(url);
  await redis.flushall();
  redis.disconnect();
}
