/** The claims of messages that travel elsewhere, where a command is sent again or a message is refused. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { RedisClaimStore } from "../../runtime/brokers/redis/claim-store.js";
import { RedisConnection } from "../../runtime/brokers/redis/connection.js";
import { redisAddress } from "../../runtime/brokers/redis/address.js";
import { copyKey, type Meeting } from "../../runtime/seams/claims.js";
import { eventually } from "../support/eventually.js";
import type { SendingNote } from "../../runtime/wire/envelope.js";

const claims = [{ key: "unique:a:k", ttl: 60_000, from: "anybody" }] as const;
const alone = [{ key: "unique:a:k", ttl: 60_000, from: "nobody" }] as const;
const older = { id: "older", queue: "q", delay: 0, mark: "a" };
const newer = { id: "newer", queue: "q", delay: 0, mark: "b" };
const last = { id: "last", queue: "q", delay: 0, mark: "c" };
/** Until when the key is pending of a sender who dies: it is over before the next command comes. */
const OVER = 0;

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

/** What a message does that reaches a worker. */
function meet({ id, mark }: typeof older, claimed: SendingNote["claims"] = alone): Promise<Meeting> {
  return store.meet("q", id, { mark, claims: claimed });
}

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
  await store.withdraw(newer, claims);
  await store.confirm(newer, claims);
  expect(await replaced()).toEqual([]);
  await store.begin(last, claims, 15_000);
  await store.confirm(last, claims);
  expect(await replaced()).toEqual(["older"]);
});

test("a message that reached a worker has its key, although its sender did not live to say so", async () => {
  await store.begin(older, alone, 15_000);
  expect(await meet(older)).toBe("runs");
  expect(await store.begin(newer, alone, 15_000)).toEqual({ state: "taken", id: "older" });
  await store.free("q", older.id, [alone[0].key]);
  expect(await store.begin(newer, alone, 15_000)).toEqual({ state: "claimed" });
});

test.each([
  ["the older one, and the newer one's sender is told", older, newer, "older"],
  ["the newer one", newer, older, "newer"],
])("of two messages whose senders died, the one that comes first runs: %s", async (_, first, second, stands) => {
  await store.begin(older, alone, OVER);
  await store.begin(newer, alone, OVER);
  expect(await meet(first)).toBe("runs");
  expect(await meet(second)).toBe("replaced");
  expect(await store.confirm(newer, alone)).toBe(stands);
  expect(await meet(first)).toBe("runs");
  expect(await store.begin(last, alone, 15_000)).toEqual({ state: "taken", id: stands });
});

test("a message does not run whose sender died, and whose key another has by now", async () => {
  await store.begin(older, alone, OVER);
  await store.begin(newer, alone, 15_000);
  expect(await store.confirm(newer, alone)).toBe("newer");
  expect(await meet(older)).toBe("replaced");
  expect(await store.confirm(older, alone)).toBe("newer");
  expect(await meet(newer)).toBe("runs");
});

test("a sender who was away for long keeps the key where nobody else has come with his message", async () => {
  await store.begin(older, alone, OVER);
  await store.begin(newer, alone, 15_000);
  expect(await store.confirm(older, alone)).toBe("older");
  expect(await store.confirm(newer, alone)).toBe("older");
  expect(await meet(newer)).toBe("replaced");
  expect(await meet(older)).toBe("runs");
});

test("who comes after a sender that died replaces whom that one would have replaced", async () => {
  await store.begin(older, claims, 15_000);
  await store.confirm(older, claims);
  await store.begin(newer, claims, OVER);
  await store.begin(last, claims, 15_000);
  await store.confirm(last, claims);
  expect((await replaced()).toSorted()).toEqual(["newer", "older"]);
});

test("what a sender withdraws goes back to each before it, and not to one that has ended", async () => {
  await store.begin(older, claims, 15_000);
  await store.confirm(older, claims);
  await store.begin(newer, claims, OVER);
  await store.begin(last, claims, 15_000);
  await store.withdraw(last, claims);
  await store.withdraw(newer, claims);
  expect(await store.begin(newer, alone, 15_000)).toEqual({ state: "taken", id: "older" });
  await store.begin(newer, claims, 15_000);
  await store.free("q", older.id, [claims[0].key]);
  await store.withdraw(newer, claims);
  expect(await store.begin(last, alone, 15_000)).toEqual({ state: "claimed" });
});

test("a message runs that waited for longer than it had its key", async () => {
  const short = [{ ...alone[0], ttl: 1 }];
  await store.begin(older, short, 15_000);
  await store.confirm(older, short);
  await eventually("the end of its time", async () => (await store.begin(newer, alone, 15_000)).state === "claimed");
  await store.confirm(newer, alone);
  expect(await meet(older)).toBe("runs");
});

test("of two sendings of one id, the one that comes first runs", async () => {
  const copies = [{ key: copyKey("older"), ttl: 60_000, from: "nobody" }] as const;
  const again = { ...older, mark: "again" };
  await store.begin(older, copies, OVER);
  await store.begin(again, copies, 15_000);
  expect(await meet(older, copies)).toBe("runs");
  expect(await meet(again, copies)).toBe("copy");
  expect(await meet(older, copies)).toBe("runs");
});
