/** How the queues stand, asked of the broker whenever the metrics are read. */
import { Gauge, type Registry } from "prom-client";
import { settlesWithin, systemClock } from "../support/clock.js";
import type { Operations, QueueStats } from "../seams/operations.js";

/** How long the broker may take to answer, in milliseconds: Prometheus itself waits ten seconds. */
const PATIENCE = 3000;

/** Who is asked, and for which queues. */
export interface Watched {
  readonly operations: Operations;
  /** Absent: all that the broker knows by itself. */
  readonly queues?: readonly string[] | undefined;
}

/** A queue and how it stands. */
type Standing = readonly [queue: string, stats: QueueStats];

/** Registers gauges of what a broker tells. Several processes tell the same: none of it is to be summed up. */
export function registerDepths(registry: Registry, prefix: string, watched: Watched): void {
  const common = () => ({ registers: [registry], aggregator: "first" as const });
  let asking: Promise<readonly Standing[] | undefined> | undefined;
  /** All gauges are read at once: the broker is asked once. */
  const standings = () => (asking ??= ask(watched).finally(() => (asking = undefined)));

  new Gauge({
    ...common(),
    name: `${prefix}broker_up`,
    help: "Whether the broker answered when it was asked how its queues stand.",
    async collect() {
      this.set((await standings()) === undefined ? 0 : 1);
    },
  });
  new Gauge({
    ...common(),
    name: `${prefix}queue_messages`,
    help: "Messages in each queue: waiting, delayed, running, dead, suspect.",
    labelNames: ["queue", "state"],
    async collect() {
      const known = (await standings()) ?? [];
      this.reset();
      for (const [queue, { waiting, delayed, running, dead, suspects: suspect }] of known) {
        for (const [state, count] of Object.entries({ waiting, delayed, running, dead, suspect })) {
          if (count !== undefined) this.set({ queue, state }, count);
        }
      }
    },
  });
  new Gauge({
    ...common(),
    name: `${prefix}queue_oldest_message_age_seconds`,
    help: "How long ago the oldest message that is next in line was sent, by its sender's clock; 0 where none waits.",
    labelNames: ["queue"],
    async collect() {
      const known = (await standings()) ?? [];
      this.reset();
      for (const [queue, { oldestAge }] of known) {
        if (oldestAge !== undefined) this.set({ queue }, (oldestAge ?? 0) / 1000);
      }
    },
  });
}

/** `undefined` where the broker does not answer in time. */
async function ask({ operations, queues }: Watched): Promise<readonly Standing[] | undefined> {
  const look = async () => {
    const names = queues ?? (await operations.queues());
    return Promise.all(names.map(async (queue): Promise<Standing> => [queue, await operations.stats(queue)]));
  };
  const asked = look();
  if (!(await settlesWithin(systemClock, PATIENCE, asked))) return undefined;
  return asked.catch(() => undefined);
}
