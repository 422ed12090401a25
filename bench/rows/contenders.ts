/** The systems that meet in most rows, by their names in tables. */
import type { SystemName } from "../system.js";

/** Task systems on Redis. The first is what the others are compared with. */
export const peers = {
  Callboard: "redis/callboard",
  BullMQ: "redis/bullmq",
  "bee-queue": "redis/bee-queue",
} as const satisfies Readonly<Record<string, SystemName>>;

/** Clients of RabbitMQ. */
export const rabbitmqClients = {
  Callboard: "rabbitmq/callboard",
  amqplib: "rabbitmq/amqplib",
  "rabbitmq-client": "rabbitmq/rabbitmq-client",
} as const satisfies Readonly<Record<string, SystemName>>;
