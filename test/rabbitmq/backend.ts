/** A RabbitMQ broker's surroundings for one test: names of its own on the shared server, and a wire that can be cut. */
import { randomUUID } from "node:crypto";
import { connect, type ChannelModel, type ConfirmChannel } from "amqplib";
import { rabbitmqBroker, type RabbitmqBrokerOptions, type RabbitmqBrokerParts } from "callboard/rabbitmq";
import type { Broker } from "../../runtime/seams/broker.js";
import {
  deadQueue,
  dueExchange,
  LADDER_STEPS,
  ladderStep,
  PRIORITIES,
  readyQueue,
  strayQueue,
  suspectsQueue,
} from "../../runtime/brokers/rabbitmq/names.js";
import type { Backend } from "../conformance/harness.js";
import { eventually } from "../support/eventually.js";
import { Proxy } from "../support/proxy.js";

/** In milliseconds, for whoever is connected briefly. */
export const BRIEF_DEAD_LETTER_TTL = 3000;

export interface RabbitmqBackend extends Backend {
  readonly prefix: string;
  readonly proxy: Proxy;
  connect(options?: RabbitmqBrokerOptions, parts?: RabbitmqBrokerParts): Broker;
  /** A channel past the proxy and past Callboard. */
  readonly channel: ConfirmChannel;
}

export async function openBackend(
  url: string,
  preset: () => RabbitmqBrokerOptions = () => ({}),
): Promise<RabbitmqBackend> {
  const prefix = `test.${randomUUID()}`;
  const proxy = await Proxy.open(url);
  const brokers: Broker[] = [];
  // Without a delay: the two small writes of a login are held up for 40 ms otherwise.
  const connection = await connect(url, { noDelay: true });
  connection.on("error", () => undefined);
  const channel = await connection.createConfirmChannel();
  channel.on("error", () => undefined);
  const { queueType = "quorum" } = preset();

  const open = (options: RabbitmqBrokerOptions = {}, parts: RabbitmqBrokerParts = {}) => {
    const broker = rabbitmqBroker(proxy.url, { prefix, ...preset(), ...options }, parts);
    brokers.push(broker);
    return broker;
  };

  return {
    prefix,
    proxy,
    channel,
    connect: open,
    // Here a lease is a connection.
    connectBriefly: () => open({ deadLetterTtl: BRIEF_DEAD_LETTER_TTL }),
    pass: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    endLeases: () => proxy.cut(),
    async inject(queue, body) {
      const name = readyQueue(prefix, queue, queueType === "classic" ? undefined : 5);
      await eventually(`the queue ${name}`, async () => {
        let placed = true;
        const onReturn = () => (placed = false);
        channel.once("return", onReturn);
        channel.publish("", name, Buffer.from(body), { persistent: true, mandatory: true, priority: 5 });
        // A queue that is being declared may refuse.
        await channel.waitForConfirms().catch(() => (placed = false));
        channel.off("return", onReturn);
        return placed;
      });
    },
    async close() {
      const used = await Promise.all(brokers.map(async (broker) => (await broker.operations?.queues()) ?? []));
      await Promise.all(brokers.map((broker) => broker.close()));
      await proxy.close();
      // A busy server may give up on a quorum queue after 5 seconds, and ends the connection: no failure of the test.
      await removeAll(connection, prefix, new Set(used.flat()))
        .then(() => connection.close())
        .catch(() => undefined);
    },
  };
}

/** Hundreds of left-over queues would make the server slow. Only what may be there is removed: a name costs a round trip. */
async function removeAll(connection: ChannelModel, prefix: string, used: ReadonlySet<string>): Promise<void> {
  const channel = await connection.createChannel();
  for (const queue of used) {
    const ready = [undefined, ...PRIORITIES].map((priority) => readyQueue(prefix, queue, priority));
    for (const name of [...ready, suspectsQueue(prefix, queue), deadQueue(prefix, queue)]) {
      await channel.deleteQueue(name);
    }
  }
  if (await isThere(connection, ladderStep(prefix, 0))) {
    for (let step = 0; step < LADDER_STEPS; step++) {
      await channel.deleteQueue(ladderStep(prefix, step));
      await channel.deleteExchange(ladderStep(prefix, step));
    }
  }
  await channel.deleteQueue(strayQueue(prefix));
  for (const name of [strayQueue(prefix), dueExchange(prefix)]) await channel.deleteExchange(name);
}

/** Whether there is such an exchange. It is asked on a channel of its own: a "no" ends the channel. */
async function isThere(connection: ChannelModel, exchange: string): Promise<boolean> {
  const channel = await connection.createChannel();
  channel.on("error", () => undefined);
  return channel.checkExchange(exchange).then(
    () => true,
    () => false,
  );
}
