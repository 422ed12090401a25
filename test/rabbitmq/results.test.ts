/** Results without a store: each is sent to the process that sent the message. */
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { createId } from "../../runtime/wire/id.js";
import type { StoredResult } from "../../runtime/seams/results.js";
import { turn } from "../support/eventually.js";
import { openBackend, type RabbitmqBackend } from "./backend.js";

let backend: RabbitmqBackend;
beforeEach(async () => {
  backend = await openBackend(inject("rabbitmqUrl"));
});
afterEach(() => backend.close());

const TTL = 60_000;
const success = (output: unknown): StoredResult => ({ ok: true, output });
const failure: StoredResult = {
  ok: false,
  reason: "do-not-retry",
  error: { name: "Error", message: "no" },
  attempts: 1,
};
const patient = { timeout: 20_000, addressed: false };

test("answers who waits and who comes later, again and again", async () => {
  const [worker, caller] = [backend.connect().results, backend.connect().results];
  const [id, reply] = [createId(), await caller.address()];
  const waiting = [caller.wait(id, patient), caller.wait(id, patient)];
  await worker.put(id, success({ text: "ä€😀" }), TTL, reply);
  expect(await Promise.all(waiting)).toEqual(Array(2).fill({ done: success({ text: "ä€😀" }) }));
  expect(await caller.wait(id, patient)).toEqual({ done: success({ text: "ä€😀" }) });
});

test("tells of attempts that failed, and forgets it when there is a result", async () => {
  const [worker, caller] = [backend.connect().results, backend.connect().results];
  const [id, reply] = [createId(), await caller.address()];
  const state = { state: "retrying", attempt: 2, error: { name: "Error", message: "not yet" } } as const;
  const told = caller.wait(id, { timeout: 500, addressed: false });
  await worker.note(id, state, TTL, reply);
  expect(await told).toEqual({ pending: state });
  await worker.put(id, failure, TTL, reply);
  expect(await caller.wait(id, patient)).toEqual({ done: failure });
});

test("writes a successful result once, and replaces a failure", async () => {
  const [worker, caller] = [backend.connect().results, backend.connect().results];
  const [id, last, reply] = [createId(), createId(), await caller.address()];
  await worker.put(id, failure, TTL, reply);
  await worker.put(id, success("first"), TTL, reply);
  await worker.put(id, success("second"), TTL, reply);
  await worker.put(id, failure, TTL, reply);
  await worker.put(last, success(0), TTL, reply);
  await caller.wait(last, patient);
  expect(await caller.wait(id, patient)).toEqual({ done: success("first") });
});

test("forgets a result after its time", async () => {
  const [worker, caller] = [backend.connect().results, backend.connect().results];
  const [id, reply] = [createId(), await caller.address()];
  const first = caller.wait(id, patient);
  await worker.put(id, success(1), 100, reply);
  expect(await first).toEqual({ done: success(1) });
  await backend.pass(150);
  expect(await caller.wait(id, { timeout: 20, addressed: false })).toEqual({ pending: { state: "pending" } });
});

test("keeps no more results than it may, the newest ones", async () => {
  const [worker, caller] = [backend.connect().results, backend.connect().results];
  const reply = await caller.address();
  const large = "x".repeat(1024 * 1024);
  const ids = Array.from({ length: 80 }, () => createId());
  for (const id of ids) await worker.put(id, success(large), TTL, reply);
  const [first = "", last = ""] = [ids[0], ids.at(-1)];
  expect(await caller.wait(last, patient)).toMatchObject({ done: { ok: true } });
  expect(await caller.wait(first, { timeout: 20, addressed: false })).toEqual({ pending: { state: "pending" } });
});

test("is read by no other process", async () => {
  const [worker, caller, other] = [backend.connect().results, backend.connect().results, backend.connect().results];
  const [id, reply] = [createId(), await caller.address()];
  await other.address();
  await worker.put(id, success(1), TTL, reply);
  expect(await caller.wait(id, patient)).toEqual({ done: success(1) });
  expect(await other.wait(id, { timeout: 100, addressed: false })).toEqual({ pending: { state: "pending" } });
});

test("a worker does not wait for a caller that is gone, and writes to no queue but those for results", async () => {
  const worker = backend.connect();
  const id = createId();
  await worker.results.put(id, success(1), TTL, `${backend.prefix}::reply:gone`);
  await worker.publish([{ id, queue: "work", priority: 5, delay: 0, body: "{}" }]);
  await worker.results.put(id, success(1), TTL, `${backend.prefix}:work:5`);
  await turn();
  expect((await backend.channel.checkQueue(`${backend.prefix}:work:5`)).messageCount).toBe(1);
});

test("a result that was sent while the caller's connection was away is there when it is back", async () => {
  const worker = backend.connect().results;
  const callerBackend = await openBackend(inject("rabbitmqUrl"), () => ({ prefix: backend.prefix }));
  const caller = callerBackend.connect().results;
  const [id, reply] = [createId(), await caller.address()];
  const waiting = caller.wait(id, patient);
  await Promise.all([callerBackend.proxy.cut(), worker.put(id, success("safe"), TTL, reply)]);
  expect(await waiting).toEqual({ done: success("safe") });
  await callerBackend.close();
});

test("a result that was lost with the connection on its way to the caller comes again", async () => {
  const worker = backend.connect().results;
  const callerBackend = await openBackend(inject("rabbitmqUrl"), () => ({ prefix: backend.prefix }));
  const caller = callerBackend.connect().results;
  const [id, reply] = [createId(), await caller.address()];
  const waiting = caller.wait(id, patient);
  callerBackend.proxy.freeze();
  await worker.put(id, success("safe"), TTL, reply);
  // The server has sent it by then, and the wire has swallowed it.
  await callerBackend.pass(200);
  await callerBackend.proxy.cut();
  callerBackend.proxy.restore();
  expect(await waiting).toEqual({ done: success("safe") });
  await callerBackend.close();
});

test("who still waits when the broker is closed is told", async () => {
  const broker = backend.connect();
  const waiting = expect(broker.results.wait(createId(), patient)).rejects.toThrow(/is closed/);
  await broker.close();
  await waiting;
});
