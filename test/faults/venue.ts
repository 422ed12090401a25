/** A server under test, in the few words that scenarios use for Redis and RabbitMQ alike. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import type { DeadLetter } from "../../runtime/broker.js";
import { startRabbitmq, type RabbitmqServer } from "../setup/rabbitmq.js";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { QUEUE } from "./actors.js";
import { openBroker, type BrokerPlan } from "./plan.js";

/** What a scenario may do to a server. */
export type Server = Pick<RedisServer | RabbitmqServer, "kill" | "restart" | "pause" | "resume">;

/** A server, and a part of it that belongs to one scenario. */
export interface Venue {
  readonly kind: BrokerPlan["kind"];
  readonly server: Server;
  /** How processes connect to it. */
  readonly plan: BrokerPlan;
  /** A silent worker's messages are in other hands after this time, in milliseconds. */
  readonly recovery: { readonly killed: number; readonly silent: number };
  /** Waits until the server would come back from a kill with the queues that were declared. */
  settle(): Promise<void>;
  /** The ids of the messages that are waiting, held back or held, as often as they are there. */
  leftovers(): Promise<readonly string[]>;
  deadLetters(): Promise<readonly DeadLetter[]>;
  /** Forgets everything of this scenario. */
  close(): Promise<void>;
}

/** A server on which scenarios are played one after the other. */
export interface Theatre {
  readonly kind: BrokerPlan["kind"];
  open(name: string): Promise<Venue>;
  close(): Promise<void>;
}

/** The lease in Redis, and how often workers look for others whose lease is over, in milliseconds. */
const LEASE = 2000;
const SWEEP = 500;
/** How often each side of a connection to RabbitMQ says that it is there; the server ends one that missed two. */
const HEARTBEAT = 2000;

/** A Redis that writes each command to disk before it answers, or once a second. */
export async function redisTheatre(appendonly: "always" | "everysec" = "always"): Promise<Theatre> {
  const server = await startRedis({ appendonly });
  return {
    kind: "redis",
    open: (name) => Promise.resolve(redisVenue(server, name)),
    close: () => server.stop(),
  };
}

function redisVenue(server: RedisServer, prefix: string): Venue {
  const options = { prefix, lease: LEASE, sweepInterval: SWEEP, publishTimeout: "3s" } as const;
  const plan: BrokerPlan = { kind: "redis", url: server.url, options };
  const ask = async <T>(question: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis(server.url);
    try {
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  };
  return {
    kind: "redis",
    server,
    plan,
    recovery: { killed: LEASE + SWEEP, silent: LEASE + SWEEP },
    settle: () => Promise.resolve(),
    leftovers: () =>
      ask(async (redis) => {
        const keys = await redis.keys(`${prefix}:{${QUEUE}}:*`);
        const bodies: string[] = [];
        for (const key of keys) {
          if (key.includes(":ready:")) bodies.push(...(await redis.lrange(key, 0, -1)));
          else if (key.includes(":running:")) bodies.push(...(await redis.hvals(key)));
          else if (key.endsWith(":delayed")) bodies.push(...(await redis.zrange(key, "0", "-1")));
        }
        return bodies.map(idOf);
      }),
    deadLetters: () => lookAt(plan),
    close: () => ask(async (redis) => void (await redis.flushall())),
  };
}

/** A RabbitMQ node; its queues are quorum queues. */
export async function rabbitmqTheatre(): Promise<Theatre> {
  const server = await startRabbitmq();
  return {
    kind: "rabbitmq",
    async open(name) {
      await server.ctl("add_vhost", name);
      await server.ctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*");
      return rabbitmqVenue(server, name);
    },
    close: () => server.stop(),
  };
}

function rabbitmqVenue(server: RabbitmqServer, vhost: string): Venue {
  const url = `${server.url}/${vhost}`;
  const plan: BrokerPlan = { kind: "rabbitmq", url, options: { heartbeat: HEARTBEAT, publishTimeout: "3s" } };
  return {
    kind: "rabbitmq",
    server,
    plan,
    // The end of a process ends its connection.
    recovery: { killed: 0, silent: 3 * HEARTBEAT },
    async settle() {
      // A quorum queue that is killed in its first moments can be left without a leader (seen on 3.10).
      await sleep(5000);
      await server.flush();
    },
    async leftovers() {
      const listed = await server.ctl("list_queues", "--no-table-headers", "-p", vhost, "name", "messages");
      const queues = listed.split("\n").map((line) => line.split("\t"));
      const ids: string[] = [];
      for (const [name = "", count] of queues) {
        if (Number(count) > 0 && !/::reply:|:dead$/.test(name)) ids.push(...(await idsIn(url, name, Number(count))));
      }
      return ids;
    },
    deadLetters: () => lookAt(plan),
    close: async () => void (await server.ctl("delete_vhost", vhost)),
  };
}

/** The ids of a queue's messages; those that somebody holds are there without a name. */
async function idsIn(url: string, queue: string, count: number): Promise<readonly string[]> {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    const ids: string[] = [];
    for (let message = await channel.get(queue); message !== false; message = await channel.get(queue)) {
      ids.push(idOf(message.content.toString()));
    }
    const held = Array.from({ length: Math.max(0, count - ids.length) }, () => `held in ${queue}`);
    return [...ids, ...held];
  } finally {
    await connection.close();
  }
}

function idOf(body: string): string {
  try {
    const { id } = JSON.parse(body) as { readonly id?: unknown };
    return typeof id === "string" ? id : body;
  } catch {
    return body;
  }
}

async function lookAt(plan: BrokerPlan): Promise<readonly DeadLetter[]> {
  const broker = openBroker(plan);
  try {
    return await broker.deadLetters.list(QUEUE, { limit: 100_000 });
  } finally {
    await broker.close();
  }
}
