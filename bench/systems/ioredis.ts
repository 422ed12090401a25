/**
 * Plain ioredis, in the three ways in which a good engineer would use it as a queue. Nothing is validated, leased or
 * retried, and nothing is dead-lettered.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Order, Payload } from "../order.js";
import type { Place, Session, System, Work, Working } from "../system.js";

/** Each message sent by an LPUSH of its own, taken by an LMOVE into a list of what is held, and acked by an LREM. */
export const oneByOne: System = {
  pace: 40_000,
  open: async (place) => new ListSession(place, { enableAutoPipelining: false }, takeOneByOne),
};

/** The same, with the commands of one turn of the event loop written together. */
export const pipelined: System = {
  pace: 60_000,
  open: async (place) => new ListSession(place, { enableAutoPipelining: true }, takeOneByOne),
};

/** Sent as `pipelined`; taken and acked in batches by one script, the next call under way while a batch is worked on. */
export const batched: System = {
  pace: 300_000,
  open: async (place, { answers = false }) =>
    new ListSession(place, { enableAutoPipelining: true }, answers ? takeAndAnswerBatches : takeBatches),
};

/** How long an answer is kept, in milliseconds. */
const TTL = 600_000;

interface Taking extends Work {
  readonly redis: Redis;
  readonly prefix: string;
  readonly stopped: () => boolean;
}

class ListSession implements Session {
  readonly #redis: Redis;
  readonly #answers: Redis;
  readonly #prefix: string;
  readonly #take: (taking: Taking) => Promise<void>;

  constructor(
    { url, prefix }: Place,
    options: { readonly enableAutoPipelining: boolean },
    take: (taking: Taking) => Promise<void>,
  ) {
    this.#redis = new Redis(url, options);
    this.#answers = new Redis(url, { lazyConnect: true });
    this.#prefix = prefix;
    this.#take = take;
  }

  send({ text }: Payload): Promise<unknown> {
    return this.#redis.lpush(`${this.#prefix}:waiting`, text);
  }

  sendMany(payloads: readonly Payload[]): Promise<unknown> {
    return this.#redis.lpush(`${this.#prefix}:waiting`, ...payloads.map(({ text }) => text));
  }

  /** One at a time: an answer carries no address. */
  async call({ text }: Payload): Promise<unknown> {
    await this.#redis.lpush(`${this.#prefix}:asked`, text);
    return this.#answers.brpop(`${this.#prefix}:answered`, 0);
  }

  async work(work: Work): Promise<Working> {
    // Taking blocks a connection, so that it is not the one that sends.
    const redis = this.#redis.duplicate();
    const answering = this.#redis.duplicate();
    let stopped = false;
    const taking = { ...work, redis, prefix: this.#prefix, stopped: () => stopped };
    const ended = this.#take(taking);
    const answered = answer(answering, this.#prefix).catch(() => undefined);
    return {
      async stop() {
        stopped = true;
        await ended;
        answering.disconnect();
        await answered;
        redis.disconnect();
      },
    };
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
    this.#answers.disconnect();
  }
}

/** Takes what is asked and answers it, until its connection ends. */
async function answer(redis: Redis, prefix: string): Promise<void> {
  for (;;) {
    const [, text] = (await redis.brpop(`${prefix}:asked`, 0)) ?? [];
    if (text !== undefined) JSON.parse(text);
    await redis.lpush(`${prefix}:answered`, "true");
  }
}

/** As many messages under way as the concurrency allows, each with two commands of its own. */
async function takeOneByOne({ redis, prefix, concurrency, handle, stopped }: Taking): Promise<void> {
  const [waiting, held] = [`${prefix}:waiting`, `${prefix}:held`];
  const lane = async () => {
    while (!stopped()) {
      const text = await redis.lmove(waiting, held, "RIGHT", "LEFT");
      if (text === null) {
        await sleep(1);
        continue;
      }
      handle(orderIn(text));
      await redis.lrem(held, 1, text);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

/** Moves up to n bodies into a hash and removes those that are done: what a crash-safe take costs at the least. */
const TAKE = `
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

/** Before a batch is acked each answer is stored, by a command of its own; all of them in one write. */
function takeAndAnswerBatches({ redis, prefix, handle, ...rest }: Taking): Promise<void> {
  const failures: unknown[] = [];
  const answering = (order: Order) => {
    handle(order);
    redis.set(`${prefix}:${randomUUID()}:result`, "true", "PX", TTL).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  return takeBatches({ redis, prefix, handle: answering, ...rest });
}

async function takeBatches({ redis, prefix, concurrency, handle, stopped }: Taking): Promise<void> {
  const [waiting, held] = [`${prefix}:waiting`, `${prefix}:held`];
  const sha = String(await redis.script("LOAD", TAKE));
  const take = (from: number, done: readonly number[]) =>
    redis.evalsha(sha, 2, waiting, held, concurrency, from, ...done) as Promise<string[]>;
  let from = 0;
  let coming = take(from, []);
  let done: number[] = [];
  while (!stopped()) {
    const batch = await coming;
    const first = from;
    from += concurrency;
    if (batch.length === 0 && done.length === 0) await arrival(redis, waiting);
    coming = take(from, done);
    done = batch.map((text, i) => {
      handle(orderIn(text));
      return first + i + 1;
    });
  }
  await coming;
}

/** Waits until there is something in a list, or a moment has passed. */
async function arrival(redis: Redis, list: string): Promise<void> {
  await redis.blmove(list, list, "RIGHT", "RIGHT", 0.1);
}

function orderIn(text: string): Order {
  return (JSON.parse(text) as { readonly input: Order }).input;
}
