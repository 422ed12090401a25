/** A private Redis primary with a replica, watched by three sentinels, for tests. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { eventually } from "../support/eventually.js";
import { requireProgram } from "./install.js";
import { answers, freePort, serverDirectory, startProgram } from "./program.js";
import { askRedis, redisServer, startRedis, type RedisOptions, type RedisServer } from "./redis.js";

/** Under which name the sentinels watch the primary. */
const NAME = "callboard";
const SENTINELS = 3;
const QUORUM = 2;
/** How soon a server that is silent counts as gone, in milliseconds. */
const DOWN_AFTER = 800;

/** A primary that somebody takes over from. It ends with the test run at the latest. */
export interface WatchedRedis {
  /** What ioredis takes to find the primary. */
  readonly target: { readonly sentinels: { readonly host: string; readonly port: number }[]; readonly name: string };
  /** The primary of the beginning. */
  readonly primary: RedisServer;
  /** What is the primary's replica at the beginning. */
  readonly replica: RedisServer;
  /** Has the sentinels make the replica the primary, while both run. */
  failover(): Promise<void>;
  /** Waits until the sentinels name this server as the primary. */
  promoted(server: RedisServer): Promise<void>;
  stop(): Promise<void>;
}

/** Starts two servers and three sentinels on free ports. */
export async function startWatchedRedis(options: RedisOptions = {}): Promise<WatchedRedis> {
  const [primary, replica] = await Promise.all([startRedis(options), startRedis(options)]);
  await withRedis(replica.port, (redis) => redis.call("REPLICAOF", "127.0.0.1", primary.port));
  await eventually("the replica to be in step", async () =>
    (await withRedis(replica.port, (redis) => redis.info("replication"))).includes("master_link_status:up"),
  );
  const sentinels = await Promise.all(Array.from({ length: SENTINELS }, () => startSentinel(primary.port)));
  const one = <Answer>(question: (redis: Redis) => Promise<Answer>) => withRedis(sentinels[0]?.port ?? 0, question);
  await eventually("the sentinels to know each other and the replica", async () => {
    const known = String(await one((redis) => redis.call("SENTINEL", "MASTER", NAME)));
    return known.includes(`num-other-sentinels,${SENTINELS - 1}`) && known.includes("num-slaves,1");
  });

  return {
    target: { sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })), name: NAME },
    primary,
    replica,
    failover: async () => void (await one((redis) => redis.call("SENTINEL", "FAILOVER", NAME))),
    promoted: ({ port }) =>
      eventually("the sentinels to name the new primary", async () => {
        const named = String(await one((redis) => redis.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)));
        // Whoever was connected to it is cut off when it is promoted.
        const role = await withRedis(port, (redis) => redis.info("replication")).catch(() => "");
        return named.endsWith(`,${port}`) && role.includes("role:master");
      }),
    stop: async () => {
      await Promise.all(sentinels.map(({ program }) => program.end("SIGTERM")));
      await Promise.all([primary.stop(), replica.stop()]);
    },
  };
}

async function startSentinel(primary: number) {
  const directory = serverDirectory("sentinel");
  const port = await freePort();
  const file = join(directory, "sentinel.conf");
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${directory}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primary} ${QUORUM}`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER}`,
    `sentinel failover-timeout ${NAME} 5000`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  const program = await startProgram({
    name: "redis-sentinel",
    command: await requireProgram(redisServer),
    args: [file, "--sentinel"],
    directory,
    ready: () => answers(port, { greeting: "PING\r\n", expected: /^\+PONG/ }),
    timeout: 20_000,
  });
  return { port, program };
}

function withRedis<Answer>(port: number, question: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  return askRedis(`redis://127.0.0.1:${port}`, question);
}
