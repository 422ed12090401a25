/** What every store of flows promises, shown on the seam itself. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Broker } from "../../runtime/seams/broker.js";
import type { Ended, FlowInit, FlowNode, FlowStore, Following } from "../../runtime/seams/flows.js";
import { createId } from "../../runtime/wire/id.js";
import type { Backend, BrokerHarness } from "./harness.js";

const TTL = 60_000;

/** The store of flows of a broker that has one. */
export function flowsOf(broker: Broker): FlowStore {
  if (broker.state === undefined) throw new Error(`${broker.name} has no state`);
  return broker.state.flows;
}

/** One step after the other: 0, 1, 2. */
const chain: readonly FlowNode[] = [
  { next: [1] },
  { next: [2], message: "one" },
  { message: "two", last: true, told: true },
];

/** The group of 0 and 1, joined as 2, then 3 with both outputs and 4 with an input of its own. */
const fork: readonly FlowNode[] = [
  { join: 2 },
  { join: 2 },
  { of: [0, 1], next: [3], after: [4] },
  { message: "three", last: true, told: true },
  { message: "four", aside: true },
];

/** A group that collects, of the pipeline 0, 1 and of 2; joined as 3. */
const collecting: readonly FlowNode[] = [
  { next: [1], falls: 1 },
  { message: "one", falls: 1, join: 3 },
  { falls: 2, join: 3 },
  { of: [1, 2], collects: true, last: true, told: true },
];

export function describeFlowStore(name: string, harness: BrokerHarness): void {
  describe(`${name}: a store of flows`, () => {
    let backend: Backend;
    let store: FlowStore;
    let id: string;

    beforeEach(async () => {
      backend = await harness.open();
      store = flowsOf(backend.connect());
      id = createId();
    });
    afterEach(() => backend.close());

    const create = (nodes: readonly FlowNode[], init: Partial<FlowInit> = {}) =>
      store.create(id, { nodes, ttl: TTL, afterwards: TTL, meta: '{"of":"tests"}', ...init });
    const place = (node: number, copy = 1) => ({ id, node, copy });
    const ready = ({ ready }: Following) =>
      ready.map(({ node, copy, message, source }) => [node, copy, message, source]);

    /** Runs a step to its end. */
    async function run(node: number, value = `{"output":${node}}`): Promise<Following> {
      expect(await store.begin(place(node))).toEqual({ kind: "run" });
      return following(await store.done(place(node), value));
    }
    function following(ended: Ended): Following {
      if (ended.kind !== "ended") throw new Error(`the flow is ${ended.kind}`);
      return ended.following;
    }

    it("hands out one step after the other, with what came of the one before", async () => {
      await create(chain);
      const first = await run(0);
      expect(ready(first)).toEqual([[1, 1, "one", 0]]);
      expect(first.values).toEqual(new Map([[0, '{"output":0}']]));
      expect(first.meta).toBe('{"of":"tests"}');
      expect(ready(await run(1))).toEqual([[2, 1, "two", 1]]);
      const last = await run(2);
      expect([last.ready, last.told, last.values.get(2)]).toEqual([[], [2], '{"output":2}']);
    });

    it("closes a group once, when the last of its members ends", async () => {
      await create(fork);
      expect(ready(await run(1))).toEqual([]);
      const closed = await run(0);
      expect(ready(closed)).toEqual([
        [3, 1, "three", 2],
        [4, 1, "four", undefined],
      ]);
      expect(JSON.parse(closed.values.get(2) ?? "")).toEqual([{ output: 0 }, { output: 1 }]);
    });

    it("counts each member once, however often it comes", async () => {
      await create(fork);
      for (let i = 0; i < 3; i++) expect(ready(following(await store.done(place(0), "{}")))).toEqual([]);
      expect(await store.begin(place(0))).toMatchObject({ kind: "ended", following: { ready: [] } });
      expect(ready(await run(1))).toHaveLength(2);
    });

    it("hands out again what has not begun, when the step that led to it comes again", async () => {
      await create(fork);
      await run(0);
      await run(1);
      // Only the one that closed the group answers for what follows.
      expect(await store.begin(place(0))).toMatchObject({ kind: "ended", following: { ready: [] } });
      const again = await store.begin(place(1));
      expect(again.kind === "ended" && ready(again.following)).toEqual([
        [3, 2, "three", 2],
        [4, 2, "four", undefined],
      ]);
      expect(await store.begin(place(3, 2))).toEqual({ kind: "run" });
      const third = await store.begin(place(1));
      expect(third.kind === "ended" && ready(third.following)).toEqual([[4, 3, "four", undefined]]);
    });

    it("runs the first of several messages for a step, and that one again when it comes again", async () => {
      await create(chain);
      await run(0);
      await store.begin(place(0));
      expect(await store.begin(place(1, 2))).toEqual({ kind: "run" });
      expect(await store.begin(place(1, 1))).toEqual({ kind: "elsewhere" });
      expect(await store.begin(place(1, 2))).toEqual({ kind: "run" });
    });

    it("keeps the first value of a step", async () => {
      await create(chain);
      await run(0, '{"output":"first"}');
      const late = following(await store.done(place(0), '{"output":"late"}'));
      expect(late.values.get(0)).toBe('{"output":"first"}');
    });

    it("names the first step that a flow fails with, also when it comes again", async () => {
      await create(fork);
      const failed = async (node: number) => {
        const ended = await store.dead(place(node), '{"error":{}}');
        return ended.kind === "ended" && ended.failed;
      };
      expect(await failed(1)).toBe(true);
      expect(await failed(0)).toBe(false);
      expect(await failed(1)).toBe(true);
    });

    it("lets the others run on, and goes on when a dead step is replayed", async () => {
      await create(fork);
      await store.dead(place(0), '{"error":{}}');
      expect(ready(await run(1))).toEqual([]);
      expect(ready(await run(0))).toHaveLength(2);
      expect(await store.dead(place(3), "{}")).toMatchObject({ failed: true });
    });

    it("does not fail with a step beside the flow", async () => {
      await create(fork);
      expect(await store.dead(place(4), '{"error":{}}')).toMatchObject({ kind: "ended", failed: false });
    });

    it("collects a dead member with its error, wherever in it that was", async () => {
      await create(collecting);
      const fell = await store.dead(place(0), '{"error":{"name":"No"}}');
      expect(fell).toMatchObject({ kind: "ended", failed: false, fell: 1, following: { told: [] } });
      const closed = await run(2);
      expect(closed.told).toEqual([3]);
      expect(JSON.parse(closed.values.get(3) ?? "")).toEqual({ settled: [{ error: { name: "No" } }, { output: 2 }] });
      // Replayed, the member runs on, and the group stays as it is.
      expect(ready(await run(0))).toEqual([[1, 1, "one", 0]]);
      expect(await run(1)).toMatchObject({ ready: [], told: [] });
    });

    it("joins groups in groups", async () => {
      await create([
        { join: 3 },
        { join: 2 },
        { of: [1], join: 3, told: true },
        { of: [0, 2], next: [4] },
        { message: "four", last: true, told: true },
      ]);
      await run(0);
      const closed = await run(1);
      expect(closed.told).toEqual([2]);
      expect(ready(closed)).toEqual([[4, 1, "four", 3]]);
      expect(JSON.parse(closed.values.get(3) ?? "")).toEqual([{ output: 0 }, [{ output: 1 }]]);
    });

    it("lets nothing begin in a flow that was cancelled", async () => {
      await create(fork);
      await run(0);
      expect(await store.cancel(id)).toEqual({ meta: '{"of":"tests"}', open: [1] });
      expect(await store.begin(place(1))).toEqual({ kind: "cancelled" });
      expect(await store.done(place(1), "{}")).toEqual({ kind: "cancelled" });
      expect(await store.dead(place(1), "{}")).toEqual({ kind: "cancelled" });
      expect(await store.cancel(createId())).toBeUndefined();
    });

    it("does not cancel a flow in which no step is open but dead ones and those beside it", async () => {
      await create(fork);
      await store.dead(place(0), '{"error":{}}');
      await store.dead(place(1), '{"error":{}}');
      expect(await store.cancel(id)).toBeUndefined();
      // Both are replayed.
      await run(0);
      expect(await store.cancel(id)).toBeUndefined();
      expect(ready(await run(1))).toHaveLength(2);
      await store.dead(place(3), '{"error":{}}');
      expect(await store.cancel(id)).toBeUndefined();
      await run(3);
      expect(await store.cancel(id)).toBeUndefined();
      expect(await store.begin(place(4))).toEqual({ kind: "run" });
    });

    it("cancels a flow that has failed while another step is open, or a dead one runs again", async () => {
      await create(fork);
      await store.dead(place(0), '{"error":{}}');
      expect(await store.cancel(id)).toMatchObject({ open: [0, 1] });
      id = createId();
      await create(chain);
      await store.dead(place(0), '{"error":{}}');
      expect(await store.begin(place(0))).toEqual({ kind: "run" });
      expect(await store.cancel(id)).toMatchObject({ open: [0] });
      expect(await store.begin(place(0))).toEqual({ kind: "cancelled" });
    });

    it("fails with a step that was cancelled, which never begins again, and of which nothing counts any more", async () => {
      await create(fork);
      expect(await store.begin(place(0))).toEqual({ kind: "run" });
      for (let i = 0; i < 2; i++) {
        expect(await store.cancelStep(place(0), '{"error":{}}')).toMatchObject({ kind: "ended", failed: true });
      }
      expect(await store.begin(place(0))).toEqual({ kind: "dropped" });
      expect(await store.done(place(0), "{}")).toEqual({ kind: "late" });
      expect(await store.dead(place(0), '{"error":{}}')).toMatchObject({ kind: "ended", failed: true });
      expect(await store.begin(place(0))).toEqual({ kind: "dropped" });
      expect(ready(await run(1))).toEqual([]);
      expect(await store.cancel(id)).toBeUndefined();
    });

    it("drops a step that was cancelled before its turn, in a group that collects with its member", async () => {
      await create(collecting);
      await run(2);
      const fell = await store.cancelStep(place(1), '{"error":{"name":"Cancelled"}}');
      expect(fell).toMatchObject({ kind: "ended", failed: false, fell: 1, following: { told: [3] } });
      const values = following(fell).values.get(3) ?? "";
      expect(JSON.parse(values)).toEqual({ settled: [{ error: { name: "Cancelled" } }, { output: 2 }] });
      expect(ready(await run(0))).toEqual([[1, 1, "one", 0]]);
      expect(await store.begin(place(1))).toEqual({ kind: "dropped" });
    });

    it("is told too late that a step is cancelled or dead which has ended, and leaves a dead one to be replayed", async () => {
      await create(chain);
      await run(0);
      expect(await store.cancelStep(place(0), '{"error":{}}')).toEqual({ kind: "late" });
      expect(await store.dead(place(0), '{"error":{}}')).toEqual({ kind: "late" });
      await store.dead(place(1), '{"error":{}}');
      expect(await store.cancelStep(place(1), '{"error":{}}')).toMatchObject({ kind: "ended", failed: false });
      expect(ready(await run(1))).toEqual([[2, 1, "two", 1]]);
    });

    it("knows no step by a number that is none, or that of a join", async () => {
      await create(fork);
      for (const node of [2, 99]) {
        expect(await store.cancelStep({ id, node }, '{"error":{}}')).toEqual({ kind: "expired" });
      }
      expect(await store.cancelStep({ id: createId(), node: 0 }, "{}")).toEqual({ kind: "expired" });
      await store.cancel(id);
      expect(await store.cancelStep(place(0), "{}")).toEqual({ kind: "cancelled" });
    });

    it("forgets a flow when its time is over, and a group of it never closes", async () => {
      await create(fork, { ttl: 400 });
      await run(0);
      await backend.pass(500);
      expect(await store.begin(place(1))).toEqual({ kind: "expired" });
      expect(await store.done(place(1), "{}")).toEqual({ kind: "expired" });
      expect(await store.dead(place(1), "{}")).toEqual({ kind: "expired" });
    });

    it("keeps a flow while something happens to it, and while a step is held back", async () => {
      await create([{ next: [1] }, { message: "late", delay: 600, last: true }], { ttl: 600, afterwards: 100 });
      await backend.pass(350);
      await run(0);
      await backend.pass(700);
      expect(await store.begin(place(1))).toEqual({ kind: "run" });
      await store.extend(id, 700);
      await backend.pass(700);
      expect(await store.begin(place(1))).toEqual({ kind: "run" });
      // When it is through, it is kept no longer than it says.
      await store.done(place(1), "{}");
      await backend.pass(200);
      expect(await store.begin(place(1))).toEqual({ kind: "expired" });
    });

    it("keeps a flow that is through for those steps beside it that have not ended, or may be replayed", async () => {
      const times = { ttl: 1000, afterwards: 200 };
      const nodes: readonly FlowNode[] = [
        { after: [1], last: true },
        { message: "aside", aside: true, delay: 1000 },
      ];
      await create(nodes, times);
      await run(0);
      await backend.pass(1300);
      expect(await store.begin(place(1))).toEqual({ kind: "run" });
      await store.dead(place(1), '{"error":{}}');
      await backend.pass(400);
      await run(1);
      await backend.pass(400);
      expect(await store.begin(place(1))).toEqual({ kind: "expired" });
    });

    it("keeps a group that collects until all of its steps have ended, also when it is through without them", async () => {
      const members: readonly FlowNode[] = [
        { next: [1], falls: 1 },
        { message: "one", falls: 1, join: 2 },
        { of: [1], collects: true, last: true },
      ];
      for (const last of ["done", "cancelled"]) {
        id = createId();
        await create(members, { ttl: 1000, afterwards: 200 });
        await store.begin(place(0));
        expect(following(await store.cancelStep(place(1), '{"error":{}}')).ready).toEqual([]);
        await backend.pass(400);
        if (last === "done") expect(ready(following(await store.done(place(0), "{}")))).toHaveLength(1);
        else expect(await store.cancelStep(place(0), '{"error":{}}')).toMatchObject({ kind: "ended", fell: 1 });
        await backend.pass(400);
        expect(await store.begin(place(0))).toEqual({ kind: "expired" });
      }
    });

    it("keeps flows of many nodes", async () => {
      const members = Array.from({ length: 2000 }, (): FlowNode => ({ join: 2000 }));
      await create([...members, { of: [...members.keys()], last: true, told: true }]);
      const ends = members.slice(1).map((_, node) => store.done(place(node), `{"output":${node}}`));
      await Promise.all(ends);
      const closed = following(await store.done(place(1999), '{"output":1999}'));
      expect(JSON.parse(closed.values.get(2000) ?? "")).toHaveLength(2000);
    });
  });
}
