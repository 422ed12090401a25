/** Cases of Dramatiq's own suite that no other test here has in the same words; docs/dramatiq.md says where the others are. */
import { createActorClient } from "callboard/client";
import { createWorker, type Task, type Worker, type WorkerOptions } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Actor } from "../../runtime/actor.js";
import type { Broker } from "../../runtime/seams/broker.js";
import type { Backend, BrokerHarness } from "../conformance/harness.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

type Numbers = { readonly input: number };

export function describeCases(name: string, harness: BrokerHarness): void {
  describe(`${name}: Dramatiq's case`, () => {
    let backend: Backend;
    let broker: Broker;
    const workers: Worker[] = [];

    beforeEach(async () => {
      backend = await harness.open();
      broker = backend.connect();
    });
    afterEach(async () => {
      await Promise.all(workers.splice(0).map((worker) => worker.stop()));
      await backend.close();
    });

    /** Starts a worker, as one more process would, in which several actors have one handler. */
    async function work(
      actors: readonly Actor[],
      handler: (input: number, task: Task) => unknown,
      options: WorkerOptions = {},
      on = backend.connect(),
    ): Promise<Worker> {
      const group = Object.fromEntries(actors.map((actor) => [actor.name.replace("test.", ""), actor]));
      const handlers = Object.fromEntries(Object.keys(group).map((each) => [each, handler]));
      const parts = backend.clock === undefined ? {} : { clock: backend.clock };
      const worker = createWorker(
        on,
        { test: group },
        { test: handlers },
        { logger: new TestLogger(), ...options },
        parts,
      );
      workers.push(worker);
      await worker.start();
      return worker;
    }

    const now = () => backend.clock?.now() ?? Date.now();
    const actorOf = (options = {}) => testActor<Numbers>("work", { input: z.number(), ...options });

    /** Waits for something in pieces, so that a clock that stands still is moved meanwhile. */
    const untilIn = (what: string, pieces: number, condition: () => boolean | Promise<boolean>) =>
      eventually(what, async () => {
        if (await condition()) return true;
        await backend.pass(pieces);
        return condition();
      });

    it("1: a hundred messages are all handled", async () => {
      const actor = actorOf();
      const seen = new Set<number>();
      await work([actor], (input) => seen.add(input));
      const client = createActorClient<Actor<Numbers>>(broker, actor);
      for (let i = 0; i < 100; i++) await client.send(i);
      await eventually("all of them", () => seen.size === 100);
    });

    it("2: the second attempt comes after minBackoff, and who fails three times succeeds in the fourth", async () => {
      const actor = actorOf({ minBackoff: 1000, maxBackoff: 5000 });
      const times: number[] = [];
      await work([actor], () => {
        times.push(now());
        if (times.length === 1) throw new Error("once");
      });
      await createActorClient<Actor<Numbers>>(broker, actor).send(1);
      await untilIn("the second attempt", 50, () => times.length === 2);
      const [first = 0, second = 0] = times;
      // Jitter takes up to half of it. A busy machine may be late, but nothing is early.
      expect(second - first).toBeGreaterThanOrEqual(499);
      expect(second - first).toBeLessThan(10_000);

      const stubborn = testActor<Numbers>("stubborn", {
        input: z.number(),
        queue: "slow",
        minBackoff: 1,
        maxBackoff: 5,
      });
      const attempts: number[] = [];
      await work([stubborn], (_, { message }) => {
        attempts.push(message.attempt);
        if (message.attempt < 4) throw new Error("not yet");
      });
      await createActorClient<Actor<Numbers>>(broker, stubborn).send(1);
      await untilIn("four attempts", 50, () => attempts.length === 4);
      await backend.pass(300);
      expect(attempts).toEqual([1, 2, 3, 4]);
    });

    it("3: of two delayed messages the nearer one is handled first, and neither is early", async () => {
      const actor = actorOf();
      const seen: (readonly [number, number])[] = [];
      await work([actor], (input) => seen.push([input, now()]));
      const client = createActorClient<Actor<Numbers>>(broker, actor);
      const sent = now();
      // At once: whoever is held up between the two changes their order.
      await Promise.all([client.send(2, { delay: "2s" }), client.send(1, { delay: "1s" })]);
      await untilIn("both", 100, () => seen.length === 2);
      expect(seen.map(([input]) => input)).toEqual([1, 2]);
      // The server's clock and this one may differ by a little.
      for (const [input, at] of seen) expect(at - sent).toBeGreaterThan(input * 1000 - 50);
    });

    it("4: without retries a failure is the only dead letter, and nothing is left in the queue", async () => {
      const actor = actorOf({ maxRetries: 0 });
      await work([actor], () => {
        throw new Error("at once");
      });
      await createActorClient<Actor<Numbers>>(broker, actor).send(1);
      await eventually("the dead letter", async () => (await broker.operations?.stats("default"))?.dead === 1);
      const stats = await broker.operations?.stats("default");
      expect(stats?.waiting).toBe(0);
      for (const count of [stats?.delayed, stats?.running, stats?.suspects]) expect([0, undefined]).toContain(count);
      expect(await broker.deadLetters.list("default")).toMatchObject([{ reason: "retries-exhausted", attempts: 1 }]);
    });

    it("9: a worker that stops finishes what runs and gives the rest back; what is delayed stays delayed", async () => {
      const actor = actorOf();
      const begun: number[] = [];
      let finish: (() => void) | undefined;
      const worker = await work(
        [actor],
        (input) => {
          begun.push(input);
          return new Promise<void>((resolve) => (finish = resolve));
        },
        { concurrency: 1 },
      );
      const client = createActorClient<Actor<Numbers>>(broker, actor);
      await client.send(1);
      await eventually("the first to run", () => begun.length === 1);
      await client.send(2);
      await client.send(3, { delay: "1m" });
      const stopped = worker.stop();
      finish?.();
      await stopped;
      const attempts: string[] = [];
      await work([actor], (input, { message }) => attempts.push(`${input}, attempt ${message.attempt}`));
      await eventually("the second", () => attempts.length > 0);
      await backend.pass(300);
      expect([begun, attempts]).toEqual([[1], ["2, attempt 1"]]);
      const { delayed, dead } = (await broker.operations?.stats("default")) ?? {};
      expect([1, undefined]).toContain(delayed);
      expect(dead).toBe(0);
    });

    it("13: ten messages of priorities 0 to 9 are handled from 9 to 0", async () => {
      const actor = actorOf();
      const client = createActorClient<Actor<Numbers>>(broker, actor);
      for (const priority of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const) await client.send(priority, { priority });
      const seen: number[] = [];
      await work([actor], (input) => seen.push(input), { concurrency: 1 });
      await eventually("all ten", () => seen.length === 10);
      expect(seen).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    });

    it("B5: a worker whose slots are all taken for longer than a lease keeps its messages", async () => {
      const actor = actorOf();
      const begun: number[] = [];
      const finish: (() => void)[] = [];
      const busy = (input: number) => {
        begun.push(input);
        return new Promise<void>((resolve) => void finish.push(resolve));
      };
      await work([actor], busy, { concurrency: 2 }, backend.connectBriefly());
      const client = createActorClient<Actor<Numbers>>(broker, actor);
      await client.sendMany([1, 2]);
      await eventually("both to run", () => begun.length === 2);
      const idle: number[] = [];
      await work([actor], (input) => idle.push(input));
      await backend.pass(2 * harness.times.recovery);
      expect([begun.toSorted((a, b) => a - b), idle]).toEqual([[1, 2], []]);
      for (const each of finish) each();
    });
  });
}
