/** The claims of messages that travel elsewhere, where a command is sent again or a message is refused. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { RedisClaimStore } from "../../runtime/brokers/redis/claim-store.js";
import { RedisConnection } from "../../runtime/brokers/redis/connection.js";
import { redisAddress } from "../../runtime/brokers/redis/address.js";

const claims = [{ key: "unique:a:k", ttl: 60_000, from: "anybody" }] as const;
const older = { id: "older", queue: "q", delay: 0, mark: "a" };
const newer = { id: "newer", queue: "q", delay: 0, mark: "b" };
const last = { id: "last", queue: "q", delay: 0, mark: "c" };

let connection: RedisConnection;
let store: RedisClaimStore;

beforeEach(() => {
  connection = new RedisConnection(redisAddress(inject("redisUrl")), {
    use: "publish",
    patience: 5000,
    whenDown: "wait",
  });
  store = new RedisClaimStore(`test:${randomUUID()}`, connection);
});
afterEach(() => connection.close());

async function replaced(): Promise<readonly string[]> {
  const ids = [older, newer, last].map(({ id }) => id);
  const known = await Promise.all(ids.map((id) => store.replaced("q", id)));
  return ids.filter((_, i) => known[i] === true);
}

test("a message whose claim is asked for twice replaces the older one, and not itself", async () => {
  await store.begin(older, claims, 15_000);
  await store.confirm(older, claims);
  await store.begin(newer, claims, 15_000);
  await store.begin(newer, claims, 15_000);
  await store.confirm(newer, claims);
  expect(await replaced()).toEqual(["older"]);
});

test("a message that is refused gives the key back to the one that it would have replaced", async () => {
  await store.begin(older, claims, 15_000);
  await store.confirm(older, claims);
  await store.begin(newer, claims, 15_000);
  await store.free("q", newer.id, [claims[0].key]);
  await store.confirm(newer, claims);
  expect(await replaced()).toEqual([]);
  await store.begin(last, claims, 15_000);
  await store.confirm(last, claims);
  expect(await replaced()).toEqual(["older"]);
});
