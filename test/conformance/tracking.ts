/** What is recorded of single messages, on any broker with a state store: how they stand, and how far they are. */
import { actor, DoNotRetry, InvalidOptionError, InvalidProgressError, RetryLater } from "callboard";
import { createActorClient, defineActor, type Actor } from "callboard/client";
import { createWorker } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import { createId } from "../../runtime/wire/id.js";
import { createSeal } from "../../runtime/wire/seal.js";
import type { ProgressTask } from "../../runtime/worker/task.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";
import type { BrokerHarness } from "./harness.js";
import { failure, Workshop } from "./workshop.js";

type Copy = Actor<{ input: number; output: number; tracked: true }>;
const copy: Copy = testActor("copy", {
  input: z.number(),
  output: z.number(),
  track: true,
  minBackoff: 400,
  maxBackoff: 400,
});

interface Share {
  readonly done: number;
  readonly of: number;
}
type Pack = Actor<{ input: number; progress: Share; tracked: true }>;
const pack: Pack = testActor("pack", {
  input: z.number(),
  progress: z.object({ done: z.number(), of: z.number().max(100_000) }),
  maxRetries: 1,
});
type PackTask = ProgressTask<Share>;

export function describeTracking(name: string, harness: BrokerHarness): void {
  describe(`${name}: what is recorded of a message`, () => {
    let shop: Workshop;
    let broker: Broker;
    beforeEach(async () => {
      shop = await Workshop.open(harness);
      ({ broker } = shop);
    });
    afterEach(() => shop.close());

    const elsewhere = () => createActorClient<Copy>(shop.backend.connect(), copy);

    /** Something that a test lets happen. */
    function gate() {
      let open!: () => void;
      const opened = new Promise<void>((resolve) => (open = resolve));
      return { open, opened };
    }

    it("says how it stands, from its sending to its end, in any process", async () => {
      const client = createActorClient<Copy>(broker, copy);
      const message = await client.send(1);
      const handle = elsewhere().handle(message.id);
      expect(await message.status()).toEqual({ state: "waiting" });
      expect(await handle.status()).toEqual({ state: "waiting" });

      const { open, opened } = gate();
      let attempts = 0;
      await shop.work([copy], {
        copy: async (n: number) => {
          attempts++;
          if (attempts === 1) throw new Error("not yet");
          await opened;
          return n;
        },
      });
      const state = async () => (await handle.status()).state;
      await eventually("the first attempt to have failed", async () => (await state()) === "retrying");
      const retrying = await handle.status();
      expect(retrying).toEqual({
        state: "retrying",
        attempt: 1,
        error: { name: "Error", message: "not yet" },
        due: expect.any(Date) as Date,
      });
      await shop.pastWaits("the second attempt", 400, async () => (await state()) === "running");
      const running = await handle.status();
      expect(running).toMatchObject({ state: "running", attempt: 2, worker: { pid: process.pid } });
      const since = running.state === "running" ? running.since.getTime() : 0;
      expect(Math.abs(since - (await broker.now()))).toBeLessThan(20_000);
      open();
      expect(await message.result({ timeout: "25s" })).toBe(1);
      await eventually("its end", async () => (await state()) === "done");
      expect(await message.status()).toEqual({ state: "done" });
    });

    it("says until when it is held back, why it is dead, that it is cancelled, and when nothing is known", async () => {
      const client = createActorClient<Copy>(broker, copy);
      const later = await client.send(1, { delay: "1h" });
      const delayed = await later.status();
      expect(delayed).toEqual({ state: "waiting", due: expect.any(Date) as Date });
      const due = delayed.state === "waiting" ? (delayed.due?.getTime() ?? 0) : 0;
      expect(Math.abs(due - (await broker.now()) - 3_600_000)).toBeLessThan(20_000);
      await later.cancel();
      expect(await elsewhere().handle(later.id).status()).toEqual({ state: "cancelled" });

      await shop.work([copy], {
        copy: () => {
          throw new DoNotRetry("no such thing");
        },
      });
      const dead = await client.send(2);
      await failure(dead.result({ timeout: "25s" }));
      await eventually("its end", async () => (await dead.status()).state === "dead");
      expect(await dead.status()).toMatchObject({ reason: "do-not-retry", error: { message: "no such thing" } });
      expect(await client.handle(createId()).status()).toEqual({ state: "unknown" });
    });

    it("says that a message waits again which was given back", async () => {
      const client = createActorClient<Copy>(broker, copy);
      const worker = await shop.work(
        [copy],
        {
          copy: (_: number, { signal }: ProgressTask<never>) =>
            new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
        },
        { shutdownTimeout: 1 },
      );
      const message = await client.send(1);
      await eventually("it to run", async () => (await message.status()).state === "running");
      const stopped = worker.stop();
      if (shop.backend.clock !== undefined) await shop.backend.pass(1000);
      await stopped;
      await eventually("it to wait", async () => (await message.status()).state === "waiting");
    });

    it("tells a handler's progress to all who follow, and ends with the message", async () => {
      const client = createActorClient<Pack>(broker, pack);
      const steps = [gate(), gate(), gate()];
      await shop.work([pack], {
        pack: async (of: number, task: PackTask) => {
          for (const [i, { opened }] of steps.entries()) {
            task.progress({ done: i, of });
            await opened;
          }
        },
      });
      const message = await client.send(3);
      const others = createActorClient<Pack>(shop.backend.connect(), pack);
      const here = message.progress();
      const there = others.handle(message.id).progress();
      for (const [i, { open }] of steps.entries()) {
        // Whether this value is new or was there before: both are where the handler is.
        await Promise.all(
          [here, there].map(async (each) => expect((await each.next()).value).toEqual({ done: i, of: 3 })),
        );
        if (i === 1) {
          const late = others.handle(message.id).progress();
          expect((await late.next()).value).toEqual({ done: 1, of: 3 });
          await late.return?.();
        }
        // What is told next is told at once.
        await shop.backend.pass(150);
        open();
      }
      expect(await here.next()).toEqual({ done: true, value: undefined });
      expect(await there.next()).toEqual({ done: true, value: undefined });
      expect(await message.status()).toEqual({ state: "done" });
      // Once more, afterwards: where it came to.
      const after: unknown[] = [];
      for await (const value of message.progress()) after.push(value);
      expect(after).toEqual([{ done: 2, of: 3 }]);
    });

    it("tells the latest of many values, and the last one before the end", async () => {
      const client = createActorClient<Pack>(broker, pack);
      await shop.work([pack], {
        pack: async (of: number, task: PackTask) => {
          for (let done = 1; done <= of; done++) {
            task.progress({ done, of });
            if (done % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
          }
        },
      });
      const message = await client.send(1000);
      const values: Share[] = [];
      for await (const value of message.progress()) values.push(value);
      expect(values.at(-1)).toEqual({ done: 1000, of: 1000 });
      const seen = values.map(({ done }) => done);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(values.length).toBeLessThan(100);
    });

    it("ends with a message that dies or is cancelled, and when its time is over", async () => {
      const client = createActorClient<Pack>(broker, pack);
      const { open, opened } = gate();
      await shop.work([pack], {
        pack: async (n: number, task: PackTask) => {
          task.progress({ done: n, of: n });
          if (n === 1) throw new DoNotRetry("no");
          if (n === 2)
            await new Promise((_, reject) =>
              task.signal.addEventListener("abort", () => reject(task.signal.reason as Error)),
            );
          await opened;
        },
      });
      const all = async (values: AsyncIterable<Share>) => {
        const seen: Share[] = [];
        for await (const value of values) seen.push(value);
        return seen;
      };
      const dying = await client.send(1);
      expect(await all(dying.progress())).toEqual([{ done: 1, of: 1 }]);

      const running = await client.send(2);
      const values = running.progress();
      expect((await values.next()).value).toEqual({ done: 2, of: 2 });
      const end = values.next();
      expect(await running.cancel()).toBe("cancelling");
      expect(await end).toEqual({ done: true, value: undefined });

      const long = await client.send(3);
      const watched = long.progress({ timeout: 200 });
      expect((await watched.next()).value).toEqual({ done: 3, of: 3 });
      const over = watched.next();
      if (shop.backend.clock !== undefined) await shop.backend.pass(200);
      expect(await over).toEqual({ done: true, value: undefined });
      expect((await long.status()).state).toBe("running");
      open();
      expect(await all(client.handle(createId()).progress())).toEqual([]);
    });

    it("ends with a message that no worker knows, and with one whose place another took", async () => {
      const unique = { key: () => "k", for: "1m", mode: "replace" } as const;
      const single: Pack = testActor("single", { input: z.number(), progress: z.any(), unique, queue: "other" });
      const [unknown, replaced] = [createActorClient<Pack>(broker, pack), createActorClient<Pack>(broker, single)];
      const messages = [await unknown.send(1), await replaced.send(1)];
      await replaced.send(2);
      const ends = messages.map((message) => message.progress().next());
      await shop.work([copy], { copy: (n: number) => n }, { unknownActorGrace: 0 });
      await shop.work([single], { single: () => undefined });
      expect(await Promise.all(ends)).toEqual([1, 2].map(() => ({ done: true, value: undefined })));
      const statuses = await Promise.all(messages.map((message) => message.status()));
      expect(statuses).toMatchObject([
        { state: "dead", reason: "unknown-actor" },
        { state: "dead", reason: "replaced" },
      ]);
    });

    it("refuses a value that does not fit, at once and with its place", async () => {
      const client = createActorClient<Pack>(broker, pack);
      const thrown: unknown[] = [];
      await shop.work([pack], {
        pack: (_: number, task: PackTask) => {
          for (const wrong of [{ done: 1, of: 1e9 }, { done: "1", of: 1 }, undefined]) {
            try {
              task.progress(wrong as Share);
            } catch (error) {
              thrown.push(error);
            }
          }
        },
      });
      const message = await client.send(1);
      await eventually("its end", async () => (await message.status()).state === "done");
      expect(thrown).toHaveLength(3);
      for (const error of thrown) expect(error).toBeInstanceOf(InvalidProgressError);
      expect(thrown).toMatchObject([
        { issues: [{ path: "of" }] },
        { issues: [{ path: "done" }] },
        { issues: [{ path: "" }] },
      ]);
      expect(await message.progress().next()).toEqual({ done: true, value: undefined });
    });

    it("goes on from attempt to attempt, and tells nothing of one that was left behind", async () => {
      const client = createActorClient<Pack>(broker, pack);
      let left: PackTask | undefined;
      await shop.work([pack], {
        pack: (of: number, task: PackTask) => {
          task.progress({ done: task.message.attempt, of });
          if (task.message.attempt === 1) {
            left = task;
            throw new RetryLater(50);
          }
        },
      });
      const message = await client.send(9);
      await shop.pastWaits("its end", 50, async () => (await message.status()).state === "done");
      left?.progress({ done: 100, of: 100 });
      await shop.settle(harness.times.soon);
      expect((await message.progress().next()).value).toEqual({ done: 2, of: 9 });
    });

    it("carries what JSON lacks, with the transforms applied by the follower, and seals it where its message is sealed", async () => {
      type Deep = Actor<{
        input: string;
        progress: { at: Date; text: number };
        reported: { at: Date; text: string };
        tracked: true;
      }>;
      const progress = z.object({ at: z.date(), text: z.string().transform((text) => text.length) });
      const deep: Deep = defineActor(actor({ input: z.string(), progress }), {
        name: "test.deep",
        fingerprint: "00000000",
        taggedProgress: true,
      });
      const seal = createSeal({ current: "a", keys: { a: Buffer.alloc(32, 7) } });
      const at = new Date(0);
      const handler = (text: string, task: ProgressTask<{ at: Date; text: string }>) => task.progress({ at, text });
      await shop.work([deep], { deep: handler }, { seal });
      for (const options of [{ seal }, {}]) {
        const client = createActorClient<Deep>(broker, deep, options);
        const message = await client.send("hello");
        const values: unknown[] = [];
        for await (const value of message.progress()) values.push(value);
        expect(values).toEqual([{ at, text: 5 }]);
        const record = JSON.stringify(await broker.state?.controls.read(message.id));
        expect(record.includes("hello")).toBe(options.seal === undefined);
      }
    });
  });
}

/** Without a state store nothing can be recorded. */
export function describeNoTracking(name: string, harness: BrokerHarness): void {
  it(`${name}: without a state store, neither client nor worker of a tracked actor is made`, async () => {
    const backend = await harness.open();
    const broker = backend.connect();
    expect(() => createActorClient<Copy>(broker, copy)).toThrow(InvalidOptionError);
    expect(() => createActorClient<Copy>(broker, copy)).toThrow(/test\.copy: "track" needs a state store.*redisState/);
    const worker = () =>
      createWorker(broker, { test: { pack } }, { test: { pack: () => undefined } }, { logger: new TestLogger() });
    expect(worker).toThrow(/test\.pack: "progress" needs a state store/);
    await backend.close();
  });
}
