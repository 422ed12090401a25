/** RabbitMQ as a venue. Each scenario has a virtual host of its own; its queues are quorum queues. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type ChannelModel, type ConfirmChannel } from "amqplib";
import { Ladder } from "../../runtime/brokers/rabbitmq/ladder.js";
import { deadQueue, readyQueue } from "../../runtime/brokers/rabbitmq/names.js";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { startRabbitmq, type RabbitmqServer } from "../setup/rabbitmq.js";
import { QUEUE } from "./actors.js";
import type { BrokerPlan } from "./plan.js";
import { deadLettersOf, idOf, type Place, type Theatre, type Venue } from "./venue.js";

/** How often each side of a connection says that it is there, in milliseconds; the server ends one that missed two. */
const HEARTBEAT = 2000;
const PREFIX = "callboard";
/** How old the server's counts of messages may be, in milliseconds. */
const TICK = 500;
/** After how long a queue of delayed messages hands those on again that were not confirmed, in milliseconds; by default 180,000. */
const HAND_ON_AGAIN = 10_000;

/** A RabbitMQ node, and a Redis that keeps state for the scenarios that need it. */
export async function rabbitmqTheatre(): Promise<Theatre> {
  const server = await startRabbitmq({
    args: [
      `-rabbit quorum_tick_interval ${TICK}`,
      `-rabbit dead_letter_worker_publisher_confirm_timeout ${HAND_ON_AGAIN}`,
    ],
  });
  let store: Promise<RedisServer> | undefined;
  return {
    kind: "rabbitmq",
    async open(name, stateful = false) {
      await server.ctl("add_vhost", name);
      await server.ctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*");
      if (stateful) store ??= startRedis({ appendonly: "always" });
      return new RabbitmqVenue(server, name, stateful ? await store : undefined);
    },
    close: async () => void (await Promise.all([server.stop(), store?.then((started) => started.stop())])),
  };
}

class RabbitmqVenue implements Venue {
  readonly kind = "rabbitmq";
  readonly plan: BrokerPlan;
  // The end of a process ends its connection.
  readonly recovery = { killed: 0, silent: 3 * HEARTBEAT };
  readonly places = ["queue", "delayed", "dead"] as const;
  readonly #vhost: string;
  #injected = 0;
  /** A connection for `inject` and `answer`, and its channel. */
  #posting: Promise<readonly [ChannelModel, ConfirmChannel]> | undefined;

  constructor(
    readonly server: RabbitmqServer,
    vhost: string,
    readonly store: RedisServer | undefined,
  ) {
    this.#vhost = vhost;
    const options = { prefix: PREFIX, heartbeat: HEARTBEAT } as const;
    const state = store === undefined ? {} : { state: { url: store.url, prefix: vhost } };
    this.plan = { kind: "rabbitmq", url: `${server.url}/${vhost}`, options, ...state };
  }

  async settle(): Promise<void> {
    // A quorum queue that is killed in its first moments can be left without a leader (seen on 3.10).
    await sleep(5000);
    await this.server.flush();
  }

  async memory(): Promise<number> {
    // What was handled stays in the log that is being written until it is rolled over.
    await this.server.ctl("eval", "ra_log_wal:force_roll_over(ra_log_wal).");
    await this.server.ctl("eval", "[garbage_collect(P) || P <- processes()], ok.");
    return Number(await this.server.ctl("eval", "erlang:memory(total)."));
  }

  async leftovers(): Promise<readonly string[]> {
    await sleep(2 * TICK);
    const listed = await this.server.ctl("list_queues", "--no-table-headers", "-p", this.#vhost, "name", "messages");
    const ids: string[] = [];
    for (const line of listed.split("\n")) {
      const [name = "", count = "0"] = line.split("\t");
      if (Number(count) > 0 && !/::reply:|:dead$/.test(name)) ids.push(...(await this.#idsIn(name, Number(count))));
    }
    return ids;
  }

  forgetTheDead(): Promise<void> {
    // The server knows nobody but by his connection.
    return Promise.resolve();
  }

  async debris(): Promise<readonly string[]> {
    // The server forgets by itself what a connection had; the queues are there to stay.
    const consumers = await this.server.ctl("list_consumers", "--no-table-headers", "-p", this.#vhost, "queue_name");
    return consumers.split("\n").filter((name) => name !== "" && !name.includes("::reply:"));
  }

  deadLetters() {
    return deadLettersOf(this.plan);
  }

  inject(place: Place, bytes: Buffer): Promise<void> {
    const queue = readyQueue(PREFIX, QUEUE, this.#injected++ % 10);
    if (place === "dead") return this.#post("", deadQueue(PREFIX, QUEUE), bytes);
    if (place !== "delayed") return this.#post("", queue, bytes);
    const { exchange, routingKey } = new Ladder(PREFIX).rung(queue, 500);
    return this.#post(exchange, routingKey, bytes);
  }

  answer(address: string, id: string, bytes: Buffer): Promise<void> {
    return this.#post("", address, bytes, id);
  }

  async close(): Promise<void> {
    await (await this.#posting)?.[0].close();
    await this.server.ctl("delete_vhost", this.#vhost);
  }

  async #post(exchange: string, routingKey: string, bytes: Buffer, messageId?: string): Promise<void> {
    this.#posting ??= connect(this.plan.url).then(async (model) => [model, await model.createConfirmChannel()]);
    const options = { persistent: true, mandatory: true, ...(messageId === undefined ? {} : { messageId }) };
    const [, channel] = await this.#posting;
    await new Promise<void>((resolve, reject) => {
      channel.publish(exchange, routingKey, bytes, options, (error: Error | null) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  /** The ids of a queue's messages; those that somebody holds are there without a name. */
  async #idsIn(queue: string, count: number): Promise<readonly string[]> {
    const connection = await connect(this.plan.url);
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
}
