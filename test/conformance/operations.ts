/** What an operator is told of every broker, what stays paused, and which dead letters are meant. */
import { createActorClient } from "callboard/client";
import { createWorker, type Task } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import type { QueueStats } from "../../runtime/seams/operations.js";
import type { StateStore } from "../../runtime/seams/state.js";
import { TestLogger, testActor } from "../support/actors.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually } from "../support/eventually.js";
import { letter, message } from "./broker.js";
import type { Backend, BrokerHarness } from "./harness.js";

const QUEUE = "work";
const EMPTY: QueueStats = {
  waiting: 0,
  waitingByPriority: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  delayed: 0,
  running: 0,
  dead: 0,
  suspects: 0,
  oldestAge: null,
  nextDue: null,
};

/** What a broker cannot tell is no lie. */
function expectTold(stats: QueueStats, expected: Partial<QueueStats>): void {
  const told = Object.fromEntries(Object.entries(stats).filter(([, value]) => value !== undefined));
  expect(told).toEqual(Object.fromEntries(Object.entries(expected).filter(([name]) => name in told)));
  expect(Object.keys(told)).toEqual(expect.arrayContaining(["waiting", "dead", "suspects"]));
}

/** What a case of a state store has to itself. */
interface Shared {
  readonly backend: Backend;
  readonly broker: Broker;
  readonly state: StateStore;
}

export function describeOperations(name: string, harness: BrokerHarness): void {
  describe(`${name}: an operator`, () => {
    let backend: Backend;
    let broker: Broker;

    beforeEach(async () => {
      backend = await harness.open();
      broker = backend.connect();
    });
    afterEach(() => backend.close());

    const statsOf = async (queue: string): Promise<QueueStats> => {
      const stats = await broker.operations?.stats(queue);
      if (stats === undefined) throw new Error("this broker has no operations");
      return stats;
    };

    it("is told of an empty queue, and of one that was never used", async () => {
      expectTold(await statsOf(QUEUE), EMPTY);
    });

    it("is told how many messages wait, are held back, are in hand and are dead", async () => {
      const body = message(0).body.replace('"at":1', `"at":${(await broker.now()) - 60_000}`);
      await broker.publish([
        message(0, { body }),
        message(1, { body }),
        message(2, { body, priority: 9 }),
        message(3, { delay: 60_000 }),
        message(4, { delay: 3_600_000 }),
      ]);
      await broker.deadLetters.purge(QUEUE);
      const due = (await broker.now()) + 60_000;
      const waiting = { ...EMPTY, waiting: 3, waitingByPriority: [0, 0, 0, 0, 0, 2, 0, 0, 0, 1], delayed: 2 };
      await eventually("the messages", async () => (await statsOf(QUEUE)).waiting === 3);
      const stats = await statsOf(QUEUE);
      expectTold({ ...stats, nextDue: null, oldestAge: null }, waiting);
      if (stats.nextDue !== undefined) expect(Math.abs((stats.nextDue ?? 0) - due)).toBeLessThan(20_000);
      if (stats.oldestAge !== undefined) {
        expect(stats.oldestAge).toBeGreaterThan(59_000);
        expect(stats.oldestAge).toBeLessThan(120_000);
      }

      const consumer = new TestConsumer(broker, QUEUE, 2);
      const [first] = await consumer.take(2);
      if (first === undefined) throw new Error("nothing came");
      await first.reject(letter({ ...message(0), queue: QUEUE }));
      await eventually("the dead letter", async () => (await statsOf(QUEUE)).dead === 1);
      const { running } = await statsOf(QUEUE);
      expect([undefined, 1]).toContain(running);
    });

    it("knows the queues that were used, at least by its own process: metrics ask for them", async () => {
      await broker.publish([message(0)]);
      const { consumer } = new TestConsumer(broker, "other");
      await eventually("the queues", async () => String(await broker.operations?.queues()) === "other,work");
      await consumer.close();
    });

    describe("and dead letters", () => {
      const bury = async (count: number) => {
        await broker.publish(Array.from({ length: count }, (_, i) => message(i, { id: `id-${i}` })));
        const consumer = new TestConsumer(broker, QUEUE, count);
        for (const [i, delivery] of (await consumer.take(count)).entries()) {
          const about = { actor: i % 2 === 0 ? "test.even" : "test.odd", reason: "do-not-retry" } as const;
          await delivery.reject(letter(message(i, { id: `id-${i}`, body: delivery.body }), i === 0 ? {} : about));
          await backend.pass(5);
        }
        await consumer.consumer.close();
        await eventually("the letters", async () => (await broker.deadLetters.list(QUEUE)).length === count);
      };
      const ids = async (filter: object) => (await broker.deadLetters.list(QUEUE, filter)).map(({ id }) => id);

      it("finds them by id, actor, reason and age, the newest first", async () => {
        await bury(5);
        expect(await ids({})).toEqual(["id-4", "id-3", "id-2", "id-1", "id-0"]);
        expect(await ids({ ids: ["id-2", "absent", "id-3"] })).toEqual(["id-3", "id-2"]);
        expect(await ids({ ids: [] })).toEqual([]);
        expect(await ids({ actor: "test.even" })).toEqual(["id-4", "id-2"]);
        expect(await ids({ actor: "test.odd", limit: 1 })).toEqual(["id-3"]);
        expect(await ids({ reason: "retries-exhausted" })).toEqual(["id-0"]);
        const [newest, middle] = await broker.deadLetters.list(QUEUE, { ids: ["id-4", "id-2"] });
        expect(await ids({ diedBefore: middle?.diedAt })).toEqual(["id-1", "id-0"]);
        expect(await ids({ diedSince: newest?.diedAt })).toEqual(["id-4"]);
        expect(await ids({ limit: 2 })).toEqual(["id-4", "id-3"]);
        expect(await ids({ limit: 0 })).toEqual([]);
      });

      it("puts back, removes and keeps each as it is told", async () => {
        await bury(6);
        const asked: string[] = [];
        const settled = await broker.deadLetters.settle(QUEUE, { reason: "do-not-retry", limit: 4 }, async ({ id }) => {
          asked.push(id);
          return id === "id-5" ? "keep" : id === "id-2" ? "remove" : "replay";
        });
        expect(asked.toSorted()).toEqual(["id-2", "id-3", "id-4", "id-5"]);
        expect(settled).toEqual({ replayed: 2, removed: 1 });
        await eventually("those that are left", async () => String(await ids({})) === "id-5,id-1,id-0");
        const consumer = new TestConsumer(broker, QUEUE);
        const back = (await consumer.take(2)).map(({ body }) => (JSON.parse(body) as { input: number }).input);
        expect(new Set(back)).toEqual(new Set([3, 4]));
      });
    });
  });

  describe(`${name}: what operators share`, () => {
    /**
     * A case that needs a state store; where there is none it is listed with its reason instead of run. The cases wait
     * for real seconds, side by side.
     */
    function shares(title: string, test: (shared: Shared) => Promise<void>): void {
      const reason = harness.cannot[title];
      it.concurrent(reason === undefined ? title : `cannot: ${title} (${reason})`, async () => {
        const backend = await harness.open();
        try {
          const broker = backend.connect();
          if (reason !== undefined) return expect(broker.state).toBeUndefined();
          if (broker.state === undefined) throw new Error("there is no state store");
          await test({ backend, broker, state: broker.state });
        } finally {
          await backend.close();
        }
      });
    }

    shares("has nobody take from a paused queue", async ({ backend, broker, state }) => {
      const target = { kind: "queue", name: QUEUE } as const;
      const other = backend.connect();
      const consumer = new TestConsumer(broker, QUEUE);
      await broker.publish([message("before")]);
      const inHand = await consumer.next();

      expect(await state.pauses.pause(target)).toBe(true);
      expect(await state.pauses.pause(target)).toBe(false);
      expect(await other.state?.pauses.list()).toEqual([{ ...target, since: expect.any(Number) as number }]);
      // Some brokers' consumers learn of it by looking.
      await backend.pass(1500);
      await broker.publish([message("meanwhile"), message("delayed", { delay: 50 })]);
      const late = new TestConsumer(other, QUEUE);
      await consumer.done(inHand);
      await backend.pass(1500);
      expect(consumer.deliveries.length + late.deliveries.length).toBe(1);
      expect(late.consumer.healthy && consumer.consumer.healthy).toBe(true);

      expect(await state.pauses.resume(target)).toBe(true);
      expect(await state.pauses.resume(target)).toBe(false);
      if (backend.clock !== undefined) await backend.pass(1500);
      await eventually("the messages", () => consumer.deliveries.length + late.deliveries.length === 3);
      expect(await state.pauses.list()).toEqual([]);
    });

    shares(
      "holds back the messages of a paused actor, counts no attempt, and lets others pass",
      async ({ backend, broker, state }) => {
        const target = { kind: "actor", name: "test.first" } as const;
        await state.pauses.pause(target);
        const [first, second] = [testActor("first", { input: z.number() }), testActor("second", { input: z.number() })];
        const seen: string[] = [];
        const handler = (name: string) => (input: unknown, task: Task) =>
          void seen.push(`${name} ${String(input)}, attempt ${task.message.attempt}`);
        const worker = createWorker(
          broker,
          { test: { first, second } },
          { test: { first: handler("first"), second: handler("second") } },
          { logger: new TestLogger() },
          { random: () => 0, ...(backend.clock === undefined ? {} : { clock: backend.clock }) },
        );
        await worker.start();
        await createActorClient(broker, first).send(1);
        await createActorClient(broker, second).send(2);
        await eventually("the other actor's message", () => seen.length > 0);
        await backend.pass(1000);
        expect(seen).toEqual(["second 2, attempt 1"]);
        const [listed] = await state.workers.list();
        expect(listed).toMatchObject({
          pid: process.pid,
          concurrency: 100,
          queues: [{ queue: "default", running: 0 }],
        });

        await state.pauses.resume(target);
        // It learns of it by its next heartbeat, and the message comes back when its wait is over.
        await new Promise((resolve) => setTimeout(resolve, 2500));
        await eventually("the message", async () => {
          await backend.pass(500);
          return seen.length === 2;
        });
        expect(seen).toEqual(["second 2, attempt 1", "first 1, attempt 1"]);
        await eventually("the rate", async () => ((await state.workers.list())[0]?.queues[0]?.rate ?? 0) > 0);
        await worker.stop();
        expect(await state.workers.list()).toEqual([]);
      },
    );

    shares("tells a worker at each heartbeat what is paused", async ({ state }) => {
      const record = { id: "one", host: "here", pid: 1, uptime: 10, concurrency: 3, queues: [] };
      expect(await state.workers.beat(record)).toEqual([]);
      await state.pauses.pause({ kind: "queue", name: QUEUE });
      await state.pauses.pause({ kind: "actor", name: "films.develop" });
      const paused = await state.workers.beat(record);
      expect(paused.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
        "actor films.develop",
        `queue ${QUEUE}`,
      ]);
      await state.pauses.resume({ kind: "queue", name: QUEUE });
      expect(await state.workers.beat(record)).toMatchObject([{ kind: "actor", name: "films.develop" }]);
      await state.workers.leave("one");
    });

    shares(
      "sees the workers that are there, and forgets those that say nothing",
      async ({ backend, broker, state }) => {
        const queues = [{ queue: QUEUE, running: 2, rate: 7.5 }];
        const record = { id: "one", host: "here", pid: 1, uptime: 10, concurrency: 3, queues, actors: ["films.cut"] };
        await state.workers.beat(record);
        await state.workers.beat({ ...record, id: "two", uptime: 20 });
        const now = await broker.now();
        const workers = (await backend.connect().state?.workers.list()) ?? [];
        expect(
          workers.map(({ seenAt: _at, silence: _for, ...rest }) => rest).toSorted((a, b) => a.uptime - b.uptime),
        ).toEqual([record, { ...record, id: "two", uptime: 20 }]);
        for (const { seenAt } of workers) expect(Math.abs(seenAt - now)).toBeLessThan(10_000);
        await backend.pass(1000);
        for (const { silence } of await state.workers.list()) expect(silence).toBeGreaterThanOrEqual(1000);
        await state.workers.leave("two");
        expect((await state.workers.list()).map(({ id }) => id)).toEqual(["one"]);
        await backend.pass(10_100);
        expect(await state.workers.list()).toEqual([]);
      },
    );
  });
}
