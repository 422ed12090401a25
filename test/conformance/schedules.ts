/** What every broker with a state store promises of schedules: on the seam, and from the contract to the handler. */
import type { Tick } from "callboard";
import type { AnySchedule } from "../../runtime/vocabulary/contract.js";
import { createActorClient, type Actor } from "callboard/client";
import { createWorker, type Task, type Worker } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import type { Candidate, Lead, ScheduleStore } from "../../runtime/seams/schedules.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";
import type { Backend, BrokerHarness } from "./harness.js";

type Report = Actor<{ input: { by?: string; at?: string } }>;

const QUEUE = "default";
const SECOND = 1000;
/** Every second: a real server's time cannot be moved. */
const EVERY_SECOND = "* * * * * *";

const report = (schedule?: AnySchedule | readonly AnySchedule[]): Report =>
  testActor("report", {
    input: z.object({ by: z.string().optional(), at: z.string().optional() }),
    ...(schedule === undefined ? {} : { schedule }),
  });

export function describeSchedules(name: string, harness: BrokerHarness): void {
  describe(`${name}: a store of schedules`, () => {
    let backend: Backend;
    let store: ScheduleStore;

    beforeEach(async () => {
      backend = await harness.open();
      store = storeOf(backend.connect());
    });
    afterEach(() => backend.close());

    const candidate = (worker: string, init: Partial<Candidate> = {}): Candidate => ({
      worker,
      startedAt: 1,
      print: "same",
      lease: 1000,
      version: -1,
      ticks: new Map(),
      forgotten: [],
      ...init,
    });
    const ask = (worker: string, init?: Partial<Candidate>) => store.lead(QUEUE, candidate(worker, init));
    const begins = async (worker: string, init?: Partial<Candidate>) => leading(await ask(worker, init));

    it("has one worker lead, until its time is over or it gives the lead up", async () => {
      expect(await ask("a")).toMatchObject({ leads: true, begins: true, shared: { gap: undefined } });
      const other = await ask("b");
      expect(other.leads).toBe(false);
      expect("left" in other && other.left > 0 && other.left <= 1000).toBe(true);
      expect(await ask("a")).toMatchObject({ leads: true, begins: false });
      await backend.pass(1200);
      const late = await begins("b");
      expect(late).toMatchObject({ begins: true });
      expect(late.shared?.gap).toBeGreaterThanOrEqual(100);
      expect((await ask("a")).leads).toBe(false);
      await ask("b", { lease: 0 });
      expect((await begins("a")).shared?.gap).toBeLessThan(500);
    });

    it("has a worker begin anew that comes back after its time, with the gap", async () => {
      await ask("a");
      await backend.pass(1500);
      const again = await begins("a");
      expect(again.begins).toBe(true);
      expect(again.shared?.gap).toBeGreaterThanOrEqual(400);
    });

    it("gives the lead to a worker that started later with other schedules, and to no other", async () => {
      await ask("a", { startedAt: 10 });
      expect((await ask("older", { startedAt: 5, print: "other" })).leads).toBe(false);
      expect((await ask("same", { startedAt: 20 })).leads).toBe(false);
      expect((await ask("newer", { startedAt: 20, print: "other" })).leads).toBe(true);
      expect((await ask("a", { startedAt: 10 })).leads).toBe(false);
    });

    it("tells one queue's lead from another's", async () => {
      await ask("a");
      expect((await store.lead("other", candidate("b"))).leads).toBe(true);
    });

    it("remembers how far schedules have come, never less, and forgets what it is told to", async () => {
      await ask("a", {
        ticks: new Map([
          ["one", 100],
          ["two", 200],
          ["three", 300],
        ]),
      });
      await ask("a", {
        ticks: new Map([
          ["one", 50],
          ["two", 1_767_225_600_000],
        ]),
        forgotten: ["three"],
      });
      await ask("a", { lease: 0 });
      const { shared } = await begins("b");
      expect(Object.fromEntries(shared?.ticks ?? [])).toEqual({ one: 100, two: 1_767_225_600_000 });
    });

    it("tells of schedules that are made and ended, once for each version", async () => {
      const now = (await begins("a")).now;
      let told = 0;
      const end = store.watch(QUEUE, () => told++);
      await eventually("to be told", async () => {
        await store.put(QUEUE, { id: "s", track: "s t", definition: "text" });
        return told > 0;
      });
      const learnt = await begins("a");
      expect([...(learnt.shared?.made ?? [])]).toEqual([["s", "text"]]);
      expect(learnt.shared?.ticks.get("s t")).toBeGreaterThanOrEqual(now);
      expect((await begins("a", { version: learnt.version })).shared).toBeUndefined();
      expect(await store.remove(QUEUE, "s")).toBe(true);
      expect(await store.remove(QUEUE, "s")).toBe(false);
      expect([...((await begins("a", { version: learnt.version })).shared?.made ?? ["some"])]).toEqual([]);
      expect((await store.read(QUEUE)).made.size).toBe(0);
      end();
    });
  });

  describe(`${name}: schedules`, () => {
    let backend: Backend;
    let logger: TestLogger;
    const workers: Worker[] = [];
    /** The messages that ran, in order. */
    let ran: { readonly id: string; readonly input: { by?: string; at?: string } }[];
    let act: (task: Task) => unknown;

    beforeEach(async () => {
      backend = await harness.open();
      logger = new TestLogger();
      ran = [];
      act = () => undefined;
    });
    afterEach(async () => {
      await stopAll();
      await backend.close();
    });

    async function stopAll(): Promise<void> {
      const stopped = Promise.all(workers.splice(0).map((worker) => worker.stop()));
      if (backend.clock !== undefined) await backend.pass(60_000);
      await stopped;
    }

    async function work(actor: Report, through = backend.connect()): Promise<Worker> {
      const handler = async (input: { by?: string; at?: string }, task: Task) => {
        ran.push({ id: task.message.id, input });
        await act(task);
      };
      const parts = backend.clock === undefined ? {} : { clock: backend.clock };
      const worker = createWorker(
        through,
        { test: { report: actor } },
        { test: { report: handler } },
        { logger },
        parts,
      );
      workers.push(worker);
      await worker.start();
      return worker;
    }

    /** Waits until so many ran; a clock that can be moved is. */
    async function runs(count: number): Promise<void> {
      await eventually(`${count} runs`, async () => {
        if (backend.clock !== undefined) await backend.pass(250);
        return ran.length >= count;
      });
    }

    const times = (prefix = "test.report") =>
      ran.filter(({ id }) => id.startsWith(`${prefix}@`)).map(({ id }) => Date.parse(id.slice(prefix.length + 1)));
    /** All are there, each once, a second apart. */
    function expectUnbroken(ticks: readonly number[]): void {
      expect(ticks.toSorted((a, b) => a - b)).toEqual(ticks.map((_, i) => Math.min(...ticks) + i * SECOND));
    }

    it("fires every tick once, whoever of several workers leads", async () => {
      const actor = report(EVERY_SECOND);
      await Promise.all([work(actor), work(actor), work(actor)]);
      await runs(3);
      expectUnbroken(times());
      expect(ran[0]?.input).toEqual({});
    });

    it("goes on where the one stopped that led, without a tick too few or too many", async () => {
      const actor = report(EVERY_SECOND);
      for (let round = 1; round <= 3; round++) {
        const worker = await work(actor);
        await runs(2 * round);
        await worker.stop();
      }
      expectUnbroken(times());
    });

    it("gives each schedule of an actor its input, also one that is computed", async () => {
      await work(
        report([
          { cron: EVERY_SECOND, name: "fixed", input: { by: "fixed" } },
          {
            cron: EVERY_SECOND,
            name: "made",
            input: ({ at, schedule }: Tick) => ({ by: schedule, at: at.toISOString() }),
          },
        ]),
      );
      await runs(4);
      const [fixed, made] = ["fixed", "made"].map((each) =>
        ran.filter(({ id }) => id.startsWith(`test.report#${each}@`)),
      );
      expect(fixed?.[0]?.input).toEqual({ by: "fixed" });
      expect(made?.[0]?.input).toEqual({ by: "test.report#made", at: made?.[0]?.id.split("@")[1] });
    });

    it("fires no tick while the message of the one before has not ended, where it is told not to", async () => {
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      act = () => (ran.length === 1 ? held : undefined);
      await work(report({ cron: EVERY_SECOND, overlap: false }));
      await runs(1);
      await backend.pass(2500);
      expect(ran).toHaveLength(1);
      release();
      await runs(3);
      const [first = 0, second = 0, third = 0] = times();
      expect(second - first).toBeGreaterThanOrEqual(2 * SECOND);
      expect(third - second).toBe(SECOND);
    });

    it("leaves a tick out that has no message, and says so", async () => {
      await work(
        report({
          cron: EVERY_SECOND,
          input: () => {
            throw new Error("no input today");
          },
        }),
      );
      await eventually("a word of it", async () => {
        if (backend.clock !== undefined) await backend.pass(500);
        return logger.messages("error").some((line) => line.includes("a tick was left out"));
      });
      expect(ran).toEqual([]);
    });

    it("follows schedules that are made at run time, until they are ended", async () => {
      const actor = report();
      const client = createActorClient<Report>(backend.connect(), actor);
      await work(actor);
      await backend.pass(harness.times.soon);
      await client.schedule("night", { cron: EVERY_SECOND, input: { by: "run time" } });
      await runs(2);
      expectUnbroken(times("test.report#night"));
      expect(ran[0]?.input).toEqual({ by: "run time" });
      const [info] = await client.schedules();
      expect(info).toMatchObject({ id: "test.report#night", source: "runtime", cron: EVERY_SECOND, timeZone: "UTC" });
      expect(await client.unschedule("night")).toBe(true);
      expect(await client.unschedule("night")).toBe(false);
      expect(await client.schedules()).toEqual([]);
      await backend.pass(Math.max(harness.times.soon, 100));
      const before = ran.length;
      await backend.pass(2 * SECOND);
      expect(ran).toHaveLength(before);
    });

    it("follows what was made while no worker ran, and replaces what is made again", async () => {
      const actor = report();
      const client = createActorClient<Report>(backend.connect(), actor);
      await client.schedule("night", { cron: "0 0 1 1 *", timeZone: "Europe/Berlin" });
      await client.schedule("night", EVERY_SECOND);
      await work(actor);
      await runs(2);
      expect(await client.schedules()).toHaveLength(1);
    });

    it("stops what is no longer in the contract once a worker of the new version runs, and begins what is new", async () => {
      const [older, newer] = [report({ cron: EVERY_SECOND, name: "old" }), report({ cron: EVERY_SECOND, name: "new" })];
      await work(older);
      await runs(2);
      await work(newer);
      await eventually("the new one", async () => {
        if (backend.clock !== undefined) await backend.pass(250);
        return times("test.report#new").length >= 2;
      });
      const last = times("test.report#old").length;
      const seen = times("test.report#new").length;
      await eventually("more of the new one", async () => {
        if (backend.clock !== undefined) await backend.pass(250);
        return times("test.report#new").length >= seen + 2;
      });
      expect(times("test.report#old")).toHaveLength(last);
    });
  });
}

function leading(lead: Lead): Extract<Lead, { readonly leads: true }> {
  if (!lead.leads) throw new Error("it does not lead");
  return lead;
}

function storeOf({ state }: Broker): ScheduleStore {
  if (state === undefined) throw new Error("the broker has no store");
  return state.schedules;
}
