/** All systems by name. This is the one place that knows those which only the bench has installed. */
import type { Systems } from "../system.js";

export const systems: Systems = {
  "redis/callboard": async () => (await import("../systems/callboard.js")).callboardOnRedis,
  "redis/bullmq": async () => (await import("./bullmq.js")).bullmq,
  "redis/bee-queue": async () => (await import("./bee-queue.js")).beeQueue,
  "redis/ioredis": async () => (await import("../systems/ioredis.js")).oneByOne,
  "redis/ioredis-pipelined": async () => (await import("../systems/ioredis.js")).pipelined,
  "redis/ioredis-batched": async () => (await import("../systems/ioredis.js")).batched,
  "rabbitmq/callboard": async () => (await import("../systems/callboard.js")).callboardOnRabbitmq,
  "rabbitmq/amqplib": async () => (await import("../systems/amqplib.js")).singleAcks,
  "rabbitmq/amqplib-batched": async () => (await import("../systems/amqplib.js")).batchedAcks,
  "rabbitmq/rabbitmq-client": async () => (await import("./rabbitmq-client.js")).rabbitmqClient,
};
