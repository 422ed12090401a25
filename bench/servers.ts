/** The private servers of a bench run: each is started when the first row needs it, and all end with the run. */
import { Redis } from "ioredis";
import { startRabbitmq } from "../test/setup/rabbitmq.js";
import { startRedis } from "../test/setup/redis.js";
import { Proxy } from "../test/support/proxy.js";
import type { ServerName } from "./row.js";

/** A server as rows see it. */
export interface Server {
  readonly url: string;
  /** Its version, under its name. */
  version(): Promise<Readonly<Record<string, string>>>;
  /** Throws away all data. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export class Servers {
  readonly #running = new Map<ServerName, Promise<Server>>();

  get(name: ServerName): Promise<Server> {
    let server = this.#running.get(name);
    if (server === undefined) this.#running.set(name, (server = start(name)));
    return server;
  }

  /** The versions of the servers that were needed. */
  async versions(): Promise<Readonly<Record<string, string>>> {
    const servers = await Promise.all(this.#running.values());
    return Object.assign({}, ...(await Promise.all(servers.map((server) => server.version()))));
  }

  async stop(): Promise<void> {
    const stopping = [...this.#running.values()].map((server) => server.then(({ stop }) => stop()));
    // One that did not start has nothing to stop, and whoever asked for it has heard.
    await Promise.allSettled(stopping);
  }
}

async function start(name: ServerName): Promise<Server> {
  switch (name) {
    case "redis":
      return redis([]);
    case "redis, everysec":
      return redis(["--appendonly", "yes", "--appendfsync", "everysec"]);
    case "redis, always":
      return redis(["--appendonly", "yes", "--appendfsync", "always"]);
    case "redis, 1 ms away":
      return far(await redis([]));
    case "rabbitmq":
      return rabbitmq();
  }
}

async function redis(args: readonly string[]): Promise<Server> {
  const server = await startRedis({ args });
  const admin = new Redis(server.url);
  return {
    url: server.url,
    async version() {
      return { redis: /^redis_version:(\S+)/m.exec(await admin.info("server"))?.[1] ?? "unknown" };
    },
    clear: async () => void (await admin.flushall()),
    async stop() {
      admin.disconnect();
      await server.stop();
    },
  };
}

/** The same server, a millisecond away in each direction. */
async function far(server: Server): Promise<Server> {
  const proxy = await Proxy.open(server.url);
  proxy.delay(1);
  return {
    url: proxy.url,
    version: server.version,
    clear: server.clear,
    async stop() {
      await proxy.close();
      await server.stop();
    },
  };
}

/** Sessions delete their queues themselves. */
async function rabbitmq(): Promise<Server> {
  const { url, ctl, stop } = await startRabbitmq();
  return { url, version: async () => ({ rabbitmq: await ctl("version") }), clear: async () => undefined, stop };
}
