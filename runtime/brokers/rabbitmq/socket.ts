/** The socket of a RabbitMQ connection, which amqplib's types do not show. */
import { Writable } from "node:stream";
import type { ChannelModel } from "amqplib";

/** `undefined` should it be kept elsewhere one day. */
export function socketOf({ connection }: Pick<ChannelModel, "connection">): Writable | undefined {
  return "stream" in connection && connection.stream instanceof Writable ? connection.stream : undefined;
}
