/** A private Redis Cluster for tests: three primaries, each with a replica. */
import type { Redis } from "ioredis";
import { eventually } from "../support/eventually.js";
import { freePort } from "./program.js";
import { askRedis, startRedis, type RedisServer } from "./redis.js";

/** How soon a node that is gone counts as failed, in milliseconds. Another one serves its slots a moment later. */
const NODE_TIMEOUT = 1000;
const SLOTS = 16384;
const PRIMARIES = 3;

/** A private cluster. It ends with the test run at the latest. */
export interface RedisCluster {
  /** The primaries at first, then the replica of each. */
  readonly nodes: readonly RedisServer[];
  /** The primary that serves a key now. */
  primaryOf(key: string): Promise<RedisServer>;
  /** Has another primary serve the slot of a key, while both run. `meanwhile`: the slot is on its way, its keys are not yet. */
  moveSlotOf(key: string, meanwhile?: () => Promise<void>): Promise<void>;
  /** Waits until all slots are served and each primary in service has a replica that follows it. */
  healthy(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a cluster of six nodes on free ports. It takes some three seconds. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const started = await Promise.all(
    Array.from({ length: 2 * PRIMARIES }, async () => {
      const bus = await freePort();
      const args = ["--cluster-enabled yes", `--cluster-port ${bus}`, `--cluster-node-timeout ${NODE_TIMEOUT}`];
      const server = await startRedis({ args: [...args, "--repl-diskless-sync-delay 0"].flatMap((s) => s.split(" ")) });
      return { bus, server };
    }),
  );
  const nodes = started.map(({ server }) => server);
  const ids = await Promise.all(nodes.map((node) => ask(node, (redis) => redis.cluster("MYID"))));

  await Promise.all(
    started.map(({ server }, i) =>
      ask(server, async (redis) => {
        await redis.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
        if (i < PRIMARIES) {
          const [from, to] = [i, i + 1].map((n) => Math.floor((n * SLOTS) / PRIMARIES));
          await redis.call("CLUSTER", "ADDSLOTSRANGE", String(from), String((to ?? SLOTS) - 1));
        }
      }),
    ),
  );
  await ask(first(nodes), async (redis) => {
    for (const { server, bus } of started) await redis.call("CLUSTER", "MEET", "127.0.0.1", server.port, bus);
  });
  for (const node of nodes) await eventually("all nodes to know each other", () => knows(node, ids));
  for (const [i, node] of nodes.slice(PRIMARIES).entries()) {
    await ask(node, (redis) => redis.call("CLUSTER", "REPLICATE", ids[i] ?? ""));
  }

  const cluster: RedisCluster = {
    nodes,
    async primaryOf(key) {
      const slot = await anyAnswer(nodes, (redis) => redis.cluster("KEYSLOT", key));
      const range = (await served(nodes)).find(({ from, to }) => from <= slot && slot <= to);
      if (range === undefined) throw new Error(`Nobody serves ${key}.`);
      return range.primary;
    },
    async moveSlotOf(key, meanwhile) {
      const source = await cluster.primaryOf(key);
      const target = (await served(nodes)).find(({ primary }) => primary !== source)?.primary ?? source;
      const [from, to] = [source, target].map((node) => ids[nodes.indexOf(node)] ?? "");
      await ask(source, async (redis) => {
        const slot = await redis.cluster("KEYSLOT", key);
        const setSlot = (node: RedisServer, ...state: readonly (string | undefined)[]) =>
          ask(node, (other) => other.call("CLUSTER", "SETSLOT", slot, ...state.map(String)));
        await setSlot(target, "IMPORTING", from);
        await setSlot(source, "MIGRATING", to);
        await meanwhile?.();
        for (;;) {
          const keys = (await redis.call("CLUSTER", "GETKEYSINSLOT", slot, 100)) as string[];
          if (keys.length === 0) break;
          await redis.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", ...keys);
        }
        for (const node of [target, source]) await setSlot(node, "NODE", to);
      });
    },
    healthy: () => eventually("the cluster to be well", () => isWell(nodes)),
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  };
  await cluster.healthy();
  return cluster;
}

/** Asks a node over a connection that does not try again. */
function ask<Answer>(node: RedisServer, question: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  return askRedis(node.url, question);
}

/** Asks the first node that answers. */
async function anyAnswer<Answer>(nodes: readonly RedisServer[], question: (redis: Redis) => Promise<Answer>) {
  return Promise.any(nodes.map((node) => ask(node, question)));
}

/** The slots that are served now, by ranges. */
async function served(nodes: readonly RedisServer[]) {
  const ranges = await anyAnswer(nodes, (redis) => redis.cluster("SLOTS"));
  return ranges.flatMap(([from, to, place]) => {
    const primary = nodes.find(({ port }) => port === place?.[1]);
    return primary === undefined ? [] : [{ from, to, primary }];
  });
}

async function knows(node: RedisServer, ids: readonly string[]): Promise<boolean> {
  const known = String(await ask(node, (redis) => redis.cluster("NODES")));
  return ids.every((id) => known.includes(id)) && !known.includes("handshake");
}

/** Whether every node that runs finds all slots served, and three primaries have a replica in step. */
async function isWell(nodes: readonly RedisServer[]): Promise<boolean> {
  const looks = await Promise.all(
    nodes.map((node) =>
      ask(node, async (redis) => ({
        cluster: await redis.cluster("INFO"),
        role: await redis.info("replication"),
      })).catch(() => undefined),
    ),
  );
  const running = looks.filter((look) => look !== undefined);
  const inStep = running.filter(({ role }) => /master_link_status:up/.test(role)).length;
  const primaries = running.filter(({ role }) => /role:master/.test(role)).length;
  return (
    running.every(({ cluster }) => /cluster_state:ok/.test(cluster)) &&
    primaries === PRIMARIES &&
    inStep === running.length - PRIMARIES
  );
}

function first(nodes: readonly RedisServer[]): RedisServer {
  const [node] = nodes;
  if (node === undefined) throw new Error("There is no node.");
  return node;
}
