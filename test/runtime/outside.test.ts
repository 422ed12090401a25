/** That what lives longer than the request which was first to need it keeps nothing of that: no store, and no span. */
import { AsyncLocalStorage } from "node:async_hooks";
import { expect, inject, it, onTestFinished } from "vitest";
import { RabbitmqConnection, rabbitmqAddresses } from "../../runtime/brokers/rabbitmq/connection.js";
import { redisAddress } from "../../runtime/brokers/redis/address.js";
import { RedisConnection } from "../../runtime/brokers/redis/connection.js";

const request = new AsyncLocalStorage<string>();

/** On whose behalf a connection comes up that a request is the first to use. */
async function whose(listen: (up: () => void) => void, use: () => unknown): Promise<string | undefined> {
  const behalf = new Promise<string | undefined>((resolve) => listen(() => resolve(request.getStore())));
  await request.run("the first request", use);
  return behalf;
}

it("a connection to Redis is nobody's", async () => {
  const address = redisAddress(inject("redisUrl"));
  const connection = new RedisConnection(address, { use: "publish", patience: 5000, whenDown: "wait" });
  onTestFinished(() => connection.close());
  const behalf = whose(
    (up) => connection.listen({ up }),
    () => connection.redis,
  );
  expect(await behalf).toBeUndefined();
});

it("a connection to RabbitMQ is nobody's", async () => {
  const connection = new RabbitmqConnection(rabbitmqAddresses(inject("rabbitmqUrl")), { use: "look", heartbeat: 5000 });
  onTestFinished(() => connection.close());
  const behalf = whose(
    (up) => connection.listen({ up }),
    () => connection.channel(),
  );
  expect(await behalf).toBeUndefined();
});
