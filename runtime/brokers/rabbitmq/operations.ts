/**
 * What an operator asks of the RabbitMQ broker, as far as AMQP can tell: how many messages lie in a queue that one knows
 * the name of.
 */
import type { Channel } from "amqplib";
import type { Operations, QueueStats } from "../../seams/operations.js";
import type { RabbitmqConnection } from "./connection.js";
import type { Lane, Topology } from "./topology.js";

export class RabbitmqOperations implements Operations {
  readonly limits = [
    "AMQP lists no queues: shown are those of the contracts and of running workers.",
    "AMQP does not tell which messages of a queue are held back, when they are due, or how old a message is.",
  ];
  readonly #connection: RabbitmqConnection;
  readonly #topology: Topology;
  readonly #used: () => readonly string[];

  /** `used`: the queues that this process has used so far. */
  constructor(connection: RabbitmqConnection, topology: Topology, used: () => readonly string[]) {
    this.#connection = connection;
    this.#topology = topology;
    this.#used = used;
  }

  async queues(): Promise<readonly string[]> {
    return [...new Set(this.#used())].toSorted();
  }

  async stats(queue: string): Promise<QueueStats> {
    const { ordinary, suspects } = this.#topology.lanes(queue);
    const counter = new Counter(this.#connection);
    try {
      const counts = new Map<Lane, number>();
      for (const lane of ordinary) counts.set(lane, await counter.count(lane.name));
      const each = [...counts.values()];
      return {
        waiting: each.reduce((total, count) => total + count, 0),
        // Those of a classic queue share one.
        waitingByPriority: each.length === 1 ? undefined : each.toReversed(),
        delayed: undefined,
        running: undefined,
        dead: await counter.count(this.#topology.dead(queue).name),
        suspects: await counter.count(suspects.name),
        oldestAge: undefined,
        nextDue: undefined,
      };
    } finally {
      await counter.close();
    }
  }
}

/** Counts the messages of queues. What is not there is not made. */
class Counter {
  readonly #connection: RabbitmqConnection;
  #channel: Channel | undefined;

  constructor(connection: RabbitmqConnection) {
    this.#connection = connection;
  }

  async count(name: string): Promise<number> {
    this.#channel ??= await this.#connection.channel();
    try {
      return (await this.#channel.checkQueue(name)).messageCount;
    } catch (error) {
      // The server closes a channel that asks for what is not there.
      this.#channel = undefined;
      if (isNotFound(error)) return 0;
      throw this.#connection.translate(error);
    }
  }

  async close(): Promise<void> {
    await this.#channel?.close().catch(() => undefined);
  }
}

/** What AMQP calls NOT_FOUND. */
const NOT_FOUND = 404;

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === NOT_FOUND;
}
