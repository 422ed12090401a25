/** Unique messages and ids of a caller's own, from `send` to the end, on any broker that keeps claims. */
import { DoNotRetry, RemoteFailureError, type UniqueOptions } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { createWorker, use, type MaybePlaced, type Middleware, type Task, type Worker } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";
import { instead } from "../support/instead.js";
import type { Backend, BrokerHarness } from "./harness.js";

interface Order {
  readonly user: string;
  readonly n: number;
}
type Job = Actor<{ input: Order; output: number }>;
const schema = { input: z.object({ user: z.string(), n: z.number() }), output: z.number() };
const patience = { timeout: "25s" } as const;

/** An actor whose messages of one user count as one. */
const job = (unique: Omit<UniqueOptions, "key">, options: { partitions?: number; queue?: string } = {}): Job =>
  testActor("job", { ...schema, ...options, unique: { key: (order) => (order as Order).user, ...unique } });
const plain: Job = testActor("job", schema);

export function describeUnique(name: string, harness: BrokerHarness): void {
  describe(`${name}: unique messages`, () => {
    let backend: Backend;
    let broker: Broker;
    const workers: Worker[] = [];
    /** What ran, in order. */
    let ran: number[];
    /** What a handler does beside. */
    let act: (order: Order, task: Task) => unknown;

    beforeEach(async () => {
      backend = await harness.open();
      broker = backend.connect();
      ran = [];
      act = () => undefined;
    });
    afterEach(async () => {
      const stopped = Promise.all(workers.splice(0).map((worker) => worker.stop()));
      if (backend.clock !== undefined) await backend.pass(60_000);
      await stopped;
      await backend.close();
    });

    async function work(
      actor: Job,
      through = backend.connect(),
      middleware: MaybePlaced<Middleware>[] = [],
    ): Promise<void> {
      const handler = async (order: Order, task: Task) => {
        ran.push(order.n);
        await act(order, task);
        return order.n;
      };
      const parts = backend.clock === undefined ? {} : { clock: backend.clock };
      const options = { logger: new TestLogger(), concurrency: 2, middleware };
      const worker = createWorker(through, { test: { job: actor } }, { test: { job: handler } }, options, parts);
      workers.push(worker);
      await worker.start();
    }

    const client = (actor: Job, through = broker) => createActorClient<Job>(through, actor);
    const order = (n: number, user = "ada"): Order => ({ user, n });
    /** Long enough for what waits to be run, and for what must not run to have had its chance. */
    const settle = () => backend.pass(Math.max(100, harness.times.soon));

    it("drops a message whose key another has, and answers with that one", async () => {
      const actor = job({ for: "1m" });
      const first = await client(actor).send(order(1));
      const second = await client(actor, backend.connect()).send(order(2));
      const other = await client(actor).send(order(3, "bob"));
      expect(second.id).toBe(first.id);
      expect(second.queue).toBe(first.queue);
      const answers = [first, second, other].map((message) => message.result(patience));
      await work(actor);
      expect(await Promise.all(answers)).toEqual([1, 1, 3]);
      expect(ran).toEqual([1, 3]);
    });

    it("frees the key when its message is done", async () => {
      const actor = job({ for: "1h" });
      await work(actor);
      expect(await client(actor).call(order(1), patience)).toBe(1);
      expect(await client(actor).call(order(2), patience)).toBe(2);
    });

    it("frees the key when its message is dead", async () => {
      const actor = job({ for: "1h" });
      act = ({ n }) => {
        if (n === 1) throw new DoNotRetry("no");
      };
      await work(actor);
      await expect(client(actor).call(order(1), patience)).rejects.toThrow(/no/);
      expect(await client(actor).call(order(2), patience)).toBe(2);
    });

    it("frees the key before it tells that a middleware failed for good", async () => {
      const actor = job({ for: "1h" });
      const connection = backend.connect();
      const { claims } = connection;
      if (claims === undefined) throw new Error(`${connection.name} has a store of claims`);
      const order: string[] = [];
      const noted = instead(connection, {
        claims: instead(claims, { free: (...args) => (order.push("free"), claims.free(...args)) }),
        results: instead(connection.results, {
          put: (...args) => (order.push("tell"), connection.results.put(...args)),
        }),
      });
      const failing = use<Middleware>(
        () => {
          throw new DoNotRetry("no");
        },
        { name: "failing", before: "unique" },
      );
      await work(actor, noted, [failing]);
      await expect(client(actor).call({ user: "ada", n: 1 }, patience)).rejects.toThrow(/no/);
      expect(order).toEqual(["free", "tell"]);
    });

    it("keeps the key for its time where it is not freed at the end", async () => {
      const actor = job({ for: 1500, freeAtEnd: false });
      await work(actor);
      expect(await client(actor).call(order(1), patience)).toBe(1);
      expect(await client(actor).call(order(2), patience)).toBe(1);
      await backend.pass(1600);
      expect(await client(actor).call(order(3), patience)).toBe(3);
      expect(ran).toEqual([1, 3]);
    });

    it("frees the key of a message that another worker finished", async () => {
      const actor = job({ for: "1h" });
      let go: () => void = () => undefined;
      const stuck = new Promise<void>((resolve) => (go = resolve));
      act = () => (ran.length === 1 ? stuck : undefined);
      await work(actor);
      const message = await client(actor).send(order(1));
      await eventually("the first attempt", () => ran.length === 1);
      await work(actor);
      await backend.endLeases("default");
      await eventually("the second attempt", async () => {
        if (backend.clock !== undefined) await backend.pass(100);
        return ran.length === 2;
      });
      expect(await message.result(patience)).toBe(1);
      expect(await client(actor).call(order(2), patience)).toBe(2);
      go();
    });

    it("replaces a message that waits: it does not run, and who waits for it is told", async () => {
      const actor = job({ for: "1m", mode: "replace" });
      const [first, second] = [await client(actor).send(order(1)), await client(actor).send(order(2))];
      expect(second.id).not.toBe(first.id);
      const failed = first.result(patience).catch((error: unknown) => error);
      await work(actor);
      expect(await second.result(patience)).toBe(2);
      const failure = await failed;
      expect(failure).toBeInstanceOf(RemoteFailureError);
      expect(failure).toMatchObject({ reason: "replaced", attempts: 0 });
      expect(ran).toEqual([2]);
      expect(await broker.deadLetters.list("default")).toEqual([]);
    });

    it("does not touch a message that runs when it is replaced, but tries it no further", async () => {
      const actor = job({ for: "1m", mode: "replace" });
      let fail: () => void = () => undefined;
      const stuck = new Promise<void>((_, reject) => (fail = () => reject(new Error("later"))));
      act = ({ n }) => (n === 1 ? stuck : undefined);
      await work(actor);
      const first = await client(actor).send(order(1));
      const failed = first.result(patience).catch((error: unknown) => error);
      await eventually("the first attempt", () => ran.length === 1);
      expect(await client(actor).call(order(2), patience)).toBe(2);
      fail();
      await eventually("the end", async () => {
        if (backend.clock !== undefined) await backend.pass(100);
        return Promise.race([failed.then(() => true), new Promise<boolean>((go) => setImmediate(go, false))]);
      });
      expect(await failed).toMatchObject({ reason: "replaced" });
      expect(ran).toEqual([1, 2]);
    });

    it("debounces: the last one of a burst runs, once none came for as long as it says", async () => {
      const quiet = 1000;
      const actor = job({ for: quiet, mode: "debounce" });
      await work(actor);
      const now = () => backend.clock?.now() ?? performance.now();
      const sent: { readonly asked: number; readonly answered: number }[] = [];
      for (const n of [1, 2, 3]) {
        const asked = now();
        await client(actor).send(order(n));
        sent.push({ asked, answered: now() });
        await backend.pass(400);
      }
      await eventually("the last one", async () => {
        if (backend.clock !== undefined) await backend.pass(100);
        return ran.includes(3);
      });
      // The store's clock counts in whole milliseconds.
      expect(now() - (sent[2]?.asked ?? Infinity)).toBeGreaterThan(quiet - 2);
      await settle();
      // One before it ran only if the next one came too late, as on a machine that stood still meanwhile.
      const replaced = [1, 2].filter((n) => (sent[n]?.answered ?? 0) - (sent[n - 1]?.asked ?? 0) < quiet);
      expect(ran.filter((n) => replaced.includes(n) || n === 3)).toEqual([3]);
      if (backend.clock !== undefined) expect(replaced).toEqual([1, 2]);
    });

    it("drops those of sendMany as well, also among themselves", async () => {
      const actor = job({ for: "1m" });
      const messages = await client(actor).sendMany([
        order(1),
        order(2, "bob"),
        order(3),
        order(4, "bob"),
        order(5, "eve"),
      ]);
      expect(new Set(messages.map(({ id }) => id)).size).toBe(3);
      await work(actor);
      const answers = await Promise.all(messages.map((message) => message.result(patience)));
      expect([...ran].sort((a, b) => a - b)).toEqual([...new Set(answers)].sort((a, b) => a - b));
      expect(ran).toHaveLength(3);
    });

    it("keeps to one partition for each key", async () => {
      const actor = job({ for: "1m" }, { partitions: 4, queue: "parted" });
      const users = Array.from({ length: 12 }, (_, i) => `user-${i}`);
      const first = await client(actor).sendMany(users.map((user) => order(1, user)));
      const second = await client(actor, backend.connect()).sendMany(users.map((user) => order(2, user)));
      expect(second.map(({ id, queue }) => `${queue} ${id}`)).toEqual(first.map(({ id, queue }) => `${queue} ${id}`));
      expect(new Set(first.map(({ queue }) => queue)).size).toBeGreaterThan(1);
    });

    it("accepts an id of a caller's own once", async () => {
      const first = await client(plain).send(order(1), { id: "order-42" });
      const again = await client(plain, backend.connect()).send(order(1), { id: "order-42" });
      expect([first.id, again.id]).toEqual(["order-42", "order-42"]);
      const answer = again.result(patience);
      await work(plain);
      expect(await answer).toBe(1);
      // Also when it is done, and also where it is called.
      expect(await client(plain).call(order(2), { id: "order-42", ...patience })).toBe(1);
      expect(await client(plain).call(order(3), { id: "order-43", ...patience })).toBe(3);
      await settle();
      expect(ran).toEqual([1, 3]);
    });

    it("accepts an id again when its time is over", async () => {
      const short = createActorClient<Job>(broker, plain, { idTtl: 500 });
      await work(plain);
      await short.send(order(1), { id: "order-42" });
      await eventually("the first to run", () => settle().then(() => ran.length === 1));
      await backend.pass(600);
      // On a slow machine its time may have begun later.
      await eventually("another to run", async () => {
        await short.send(order(2), { id: "order-42" });
        return ran.length > 1;
      });
      expect(ran.slice(0, 2)).toEqual([1, 2]);
    });

    it("claims a key and an id together, or neither", async () => {
      const actor = job({ for: "1m" });
      const first = await client(actor).send(order(1));
      expect((await client(actor).send(order(2), { id: "two" })).id).toBe(first.id);
      await work(actor);
      expect(await first.result(patience)).toBe(1);
      // It was not sent before, so it is accepted now.
      expect(await client(actor).call(order(2), { id: "two", ...patience })).toBe(2);
    });
  });
}
