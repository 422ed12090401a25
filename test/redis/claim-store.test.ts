/** The claims of messages that travel elsewhere, where a command is sent again because its answer was lost. */
import { expect, inject, test } from "vitest";
import { RedisClaimStore } from "../../runtime/brokers/redis/claim-store.js";
import { RedisConnection } from "../../runtime/brokers/redis/connection.js";
import { redisAddress } from "../../runtime/brokers/redis/address.js";

test("a message whose claim is asked for twice replaces the older one, and not itself", async () => {
  const connection = new RedisConnection(redisAddress(inject("redisUrl")), {
    use: "publish",
    patience: 5000,
    whenDown: "wait",
  });
  const store = new RedisClaimStore(`test:${Date.now()}`, connection);
  const claims = [{ key: "unique:a:k", ttl: 60_000, from: "anybody" }] as const;
  const older = { id: "older", queue: "q", delay: 0, mark: "a" };
  await store.begin(older, claims, 15_000);
  await store.confirm(older, claims);
  const newer = { id: "newer", queue: "q", delay: 0, mark: "b" };
  await store.begin(newer, claims, 15_000);
  await store.begin(newer, claims, 15_000);
  await store.confirm(newer, claims);
  expect(await store.replaced("q", "older")).toBe(true);
  expect(await store.replaced("q", "newer")).toBe(false);
  await connection.close();
});
