/** A RabbitMQ broker's surroundings for one test: names of its own on the shared server, and a wire that can be cut. */
import { randomUUID } from "node:crypto";
import { connect, type Channel, type ConfirmChannel } from "amqplib";
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

export interface RabbitmqBackend extends Backend {
  readonly prefix: string;
  readonly proxy: Proxy;
  connect(options?: RabbitmqBrokerOptions, parts?: RabbitmqBrokerParts): Broker;
  /** A channel past the proxy and past Callboard. */
  readonly channel: ConfirmChannel;
}

/** The queues that tests use. */
const QUEUES = ["work", "other", "default", "slow", "money", "mails.0", "mails.1"];

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

  return {
    prefix,
    proxy,
    channel,
    connect(options = {}, parts = {}) {
      const broker = rabbitmqBroker(proxy.url, { prefix, ...preset(), ...options }, parts);
      brokers.push(broker);
      return broker;
    },
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
      await Promise.all(brokers.map((broker) => broker.close()));
      await proxy.close();
      // A busy server may give up on a quorum queue after 5 seconds, and ends the connection: no failure of the test.
      await removeAll(channel, prefix)
        .then(() => connection.close())
        .catch(() => undefined);
    },
  };
}

/** Hundreds of left-over queues would make the server slow. */
async function removeAll(channel: Channel, prefix: string): Promise<void> {
  const ready = QUEUES.flatMap((queue) =>
    [undefined, ...PRIORITIES].map((priority) => readyQueue(prefix, queue, priority)),
  );
  const steps = Array.from({ length: LADDER_STEPS }, (_, step) => ladderStep(prefix, step));
  const others = QUEUES.flatMap((queue) => [suspectsQueue(prefix, queue), deadQueue(prefix, queue)]);
  const queues = [...ready, ...others, ...steps, strayQueue(prefix)];
  for (const name of queues) await channel.deleteQueue(name);
  for (const name of [...steps, strayQueue(prefix), dueExchange(prefix)]) await channel.deleteExchange(name);
}
