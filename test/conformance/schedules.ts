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

/** The workers of one case, and what they ran. */
class Rota {
  readonly logger = new TestLogger();
  /** The messages that ran, in order. */
  readonly ran: { readonly id: string; readonly input: { by?: string; at?: string } }[] = [];
  act: (task: Task) => unknown = () => undefined;
  readonly #workers: Worker[] = [];

  constructor(readonly backend: Backend) {}

  async work(actor: Report): Promise<Worker> {
    const { backend, logger } = this;
    const handler = async (input: { by?: string; at?: string }, task: Task) => {
      this.ran.push({ id: task.message.id, input });
      await this.act(task);
    };
    const parts = backend.clock === undefined ? {} : { clock: backend.clock };
    const handlers = { test: { report: handler } };
    const worker = createWorker(backend.connect(), { test: { report: actor } }, handlers, { logger }, parts);
    this.#workers.push(worker);
    await worker.start();
    return worker;
  }

  /** Waits for a condition; a clock that can be moved is. */
  async until(what: string, condition: () => boolean): Promise<void> {
    await eventually(what, async () => {
      if (this.backend.clock !== undefined) await this.backend.pass(250);
      return condition();
    });
  }

  /** Waits until so many ran. */
  runs(count: number): Promise<void> {
    return this.until(`${count} runs`, () => this.ran.length >= count);
  }

  /** The times of the ticks that ran. */
  times(prefix = "test.report"): readonly number[] {
    return this.ran
      .filter(({ id }) => id.startsWith(`${prefix}@`))
      .map(({ id }) => Date.parse(id.slice(prefix.length + 1)));
  }

  /** Waits until, while something comes to pass, no tick of these runs: one may be on its way, and a leader hears first. */
  silence(prefix: string, meanwhile: () => Promise<void>): Promise<void> {
    return eventually(`no tick of ${prefix}`, async () => {
      const before = this.times(prefix).length;
      await meanwhile();
      return this.times(prefix).length === before;
    });
  }

  async close(): Promise<void> {
    const stopped = Promise.all(this.#workers.map((worker) => worker.stop()));
    if (this.backend.clock !== undefined) await this.backend.pass(60_000);
    await stopped;
    await this.backend.close();
  }
}

/** All are there, each once, a second apart. */
function expectUnbroken(ticks: readonly number[]): void {
  expect(ticks.toSorted((a, b) => a - b)).toEqual(ticks.map((_, i) => Math.min(...ticks) + i * SECOND));
}

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
      const left = performance.now();
      await ask("b", { lease: 0 });
      const gap = (await begins("a")).shared?.gap;
      // Both clocks count in whole milliseconds.
      expect(gap).toBeLessThan(performance.now() - left + 2);
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
    /** A case with a rota of its own. The cases wait for real seconds, side by side. */
    function fires(title: string, play: (rota: Rota) => Promise<void>): void {
      it.concurrent(title, async () => {
        const rota = new Rota(await harness.open());
        try {
          await play(rota);
        } finally {
          await rota.close();
        }
      });
    }

    fires("fires every tick once, whoever of several workers leads", async (rota) => {
      const actor = report(EVERY_SECOND);
      await Promise.all([rota.work(actor), rota.work(actor), rota.work(actor)]);
      await rota.runs(3);
      expectUnbroken(rota.times());
      expect(rota.ran[0]?.input).toEqual({});
    });

    fires("goes on where the one stopped that led, without a tick too few or too many", async (rota) => {
      const actor = report(EVERY_SECOND);
      for (let round = 1; round <= 3; round++) {
        const worker = await rota.work(actor);
        await rota.runs(2 * round);
        await worker.stop();
      }
      expectUnbroken(rota.times());
    });

    fires("gives each schedule of an actor its input, also one that is computed", async (rota) => {
      await rota.work(
        report([
          { cron: EVERY_SECOND, name: "fixed", input: { by: "fixed" } },
          {
            cron: EVERY_SECOND,
            name: "made",
            input: ({ at, schedule }: Tick) => ({ by: schedule, at: at.toISOString() }),
          },
        ]),
      );
      await rota.runs(4);
      const [fixed, made] = ["fixed", "made"].map((each) =>
        rota.ran.filter(({ id }) => id.startsWith(`test.report#${each}@`)),
      );
      expect(fixed?.[0]?.input).toEqual({ by: "fixed" });
      expect(made?.[0]?.input).toEqual({ by: "test.report#made", at: made?.[0]?.id.split("@")[1] });
    });

    fires("fires no tick while the message of the one before has not ended, where it is told not to", async (rota) => {
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      rota.act = () => (rota.ran.length === 1 ? held : undefined);
      await rota.work(report({ cron: EVERY_SECOND, overlap: false }));
      await rota.runs(1);
      await rota.backend.pass(2500);
      expect(rota.ran).toHaveLength(1);
      release();
      await rota.runs(3);
      const [first = 0, second = 0, third = 0] = rota.times();
      expect(second - first).toBeGreaterThanOrEqual(2 * SECOND);
      if (rota.backend.clock !== undefined) expect(third - second).toBe(SECOND);
      // A tick is left out that nobody was awake for.
      expect(third - second).toBeGreaterThanOrEqual(SECOND);
    });

    fires("leaves a tick out that has no message, and says so", async (rota) => {
      await rota.work(
        report({
          cron: EVERY_SECOND,
          input: () => {
            throw new Error("no input today");
          },
        }),
      );
      await rota.until("a word of it", () =>
        rota.logger.messages("error").some((line) => line.includes("a tick was left out")),
      );
      expect(rota.ran).toEqual([]);
    });

    fires("follows schedules that are made at run time, until they are ended", async (rota) => {
      const actor = report();
      const client = createActorClient<Report>(rota.backend.connect(), actor);
      await rota.work(actor);
      await rota.backend.pass(harness.times.soon);
      await client.schedule("night", { cron: EVERY_SECOND, input: { by: "run time" } });
      await rota.runs(2);
      expectUnbroken(rota.times("test.report#night"));
      expect(rota.ran[0]?.input).toEqual({ by: "run time" });
      const [info] = await client.schedules();
      expect(info).toMatchObject({ id: "test.report#night", source: "runtime", cron: EVERY_SECOND, timeZone: "UTC" });
      expect(await client.unschedule("night")).toBe(true);
      expect(await client.unschedule("night")).toBe(false);
      expect(await client.schedules()).toEqual([]);
      await rota.silence("test.report#night", () => rota.backend.pass(2 * SECOND));
    });

    fires("follows what was made while no worker ran, and replaces what is made again", async (rota) => {
      const actor = report();
      const client = createActorClient<Report>(rota.backend.connect(), actor);
      await client.schedule("night", { cron: "0 0 1 1 *", timeZone: "Europe/Berlin" });
      await client.schedule("night", EVERY_SECOND);
      await rota.work(actor);
      await rota.runs(2);
      expect(await client.schedules()).toHaveLength(1);
    });

    fires(
      "stops what is no longer in the contract once a worker of the new version runs, and begins what is new",
      async (rota) => {
        const [older, newer] = [
          report({ cron: EVERY_SECOND, name: "old" }),
          report({ cron: EVERY_SECOND, name: "new" }),
        ];
        await rota.work(older);
        await rota.runs(2);
        await rota.work(newer);
        await rota.until("the new one", () => rota.times("test.report#new").length >= 2);
        await rota.silence("test.report#old", async () => {
          const seen = rota.times("test.report#new").length;
          await rota.until("more of the new one", () => rota.times("test.report#new").length >= seen + 2);
        });
      },
    );
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
