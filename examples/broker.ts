/** The broker that a URL names. Only its own driver is loaded. */
import { memoryBroker, type Broker } from "callboard";

/** Opens `memory:`, `redis://host:port` or `amqp://host:port`; `rediss:` and `amqps:` are for TLS. */
export async function openBroker(url: string): Promise<Broker> {
  const scheme = url.slice(0, url.indexOf(":") + 1);
  switch (scheme) {
    case "memory:":
      return memoryBroker();
    case "redis:":
    case "rediss:": {
      const { redisBroker } = await import("callboard/redis");
      return redisBroker(url);
    }
    case "amqp:":
    case "amqps:": {
      const { rabbitmqBroker } = await import("callboard/rabbitmq");
      return rabbitmqBroker(url);
    }
    default:
      throw new Error(
        `No broker is known by "${scheme === "" ? url : scheme}". Write memory:, redis://host or amqp://host.`,
      );
  }
}
