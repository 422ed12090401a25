/** What every result store promises, shown on the seam itself. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createId } from "../../runtime/wire/id.js";
import type { ResultStore, StoredResult } from "../../runtime/seams/results.js";
import { turn } from "../support/eventually.js";
import type { Backend, BrokerHarness } from "./harness.js";

const TTL = 60_000;
const success = (output: unknown): StoredResult => ({ ok: true, output });
const failure: StoredResult = {
  ok: false,
  reason: "do-not-retry",
  error: { name: "CardDeclined", message: "no funds" },
  attempts: 2,
};

export function describeResults(name: string, harness: BrokerHarness): void {
  describe(`${name}: a result store`, () => {
    let backend: Backend;
    let worker: ResultStore;
    let caller: ResultStore;

    beforeEach(async () => {
      backend = await harness.open();
      worker = backend.connect().results;
      caller = backend.connect().results;
    });
    afterEach(() => backend.close());

    function promises(title: string, test: () => Promise<void>): void {
      const reason = harness.cannot[title];
      if (reason === undefined) it(title, test);
      else it(`cannot: ${title} (${reason})`, () => expect(reason).not.toBe(""));
    }

    /** Long enough for any machine; a test that ends well never waits for it. */
    const patient = { timeout: 20_000, addressed: false };

    promises("answers one who waited before the result was there", async () => {
      const id = createId();
      const waiting = caller.wait(id, patient);
      await turn();
      await worker.put(id, success({ text: "ä€😀", list: [], nothing: null }), TTL);
      expect(await waiting).toEqual({ done: success({ text: "ä€😀", list: [], nothing: null }) });
    });

    promises("answers one who comes later, again and again", async () => {
      const id = createId();
      await worker.put(id, success(42), TTL);
      expect(await caller.wait(id, patient)).toEqual({ done: success(42) });
      expect(await caller.wait(id, { timeout: 0, addressed: false })).toBeDefined();
      expect(await backend.connect().results.wait(id, patient)).toEqual({ done: success(42) });
    });

    promises("answers a caller at the address that its message carries", async () => {
      const id = createId();
      const reply = await caller.address();
      const waiting = caller.wait(id, { timeout: 20_000, addressed: true });
      await worker.put(id, success("pushed"), TTL, reply);
      expect(await waiting).toEqual({ done: success("pushed") });
    });

    promises("answers all who wait, in every process", async () => {
      const id = createId();
      const other = backend.connect().results;
      const waiting = [caller.wait(id, patient), caller.wait(id, patient), other.wait(id, patient)];
      await turn();
      await worker.put(id, success(1), TTL);
      expect(await Promise.all(waiting)).toEqual(Array(3).fill({ done: success(1) }));
    });

    promises("answers hundreds at a time, each with its own", async () => {
      const reply = await caller.address();
      const ids = Array.from({ length: 500 }, () => createId());
      const waiting = ids.map((id) => caller.wait(id, { timeout: 20_000, addressed: true }));
      await Promise.all(ids.map((id, i) => worker.put(id, success(i), TTL, reply)));
      const outputs = (await Promise.all(waiting)).map((awaited) => "done" in awaited && awaited.done);
      expect(outputs).toEqual(ids.map((_, i) => success(i)));
    });

    promises("carries a failure", async () => {
      const id = createId();
      await worker.put(id, failure, TTL);
      expect(await caller.wait(id, patient)).toEqual({ done: failure });
    });

    promises("tells what is known when the time is over", async () => {
      const id = createId();
      const silent = caller.wait(id, { timeout: 50, addressed: false });
      await backend.pass(50);
      expect(await silent).toEqual({ pending: { state: "pending" } });

      const state = { state: "retrying", attempt: 2, error: { name: "Error", message: "not yet" } } as const;
      await worker.note(id, state, TTL);
      const told = caller.wait(id, { timeout: 50, addressed: false });
      await backend.pass(50);
      expect(await told).toEqual({ pending: state });

      await worker.put(id, success("at last"), TTL);
      expect(await caller.wait(id, patient)).toEqual({ done: success("at last") });
    });

    promises("ends the waiting where the message could not be sent", async () => {
      const sent = Promise.reject(new Error("could not be sent"));
      await expect(caller.wait(createId(), { ...patient, sent })).rejects.toThrow("could not be sent");
    });

    promises("writes a successful result once", async () => {
      const id = createId();
      await worker.put(id, success("first"), TTL);
      await worker.put(id, success("second"), TTL);
      await worker.put(id, failure, TTL);
      expect(await caller.wait(id, patient)).toEqual({ done: success("first") });
    });

    promises("replaces a failure when a replayed message succeeds", async () => {
      const id = createId();
      await worker.put(id, failure, TTL);
      await worker.put(id, success("after the replay"), TTL);
      expect(await caller.wait(id, patient)).toEqual({ done: success("after the replay") });
    });

    promises("forgets a result after its time", async () => {
      const id = createId();
      await worker.put(id, success(1), 100);
      await backend.pass(150);
      const late = caller.wait(id, { timeout: 20, addressed: false });
      await backend.pass(20);
      expect(await late).toEqual({ pending: { state: "pending" } });
    });
  });
}
