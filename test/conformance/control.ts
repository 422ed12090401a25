/** What can be done to a single message, on any broker with a state store: it can be cancelled. */
import { CancelledError, InvalidOptionError, RemoteFailureError } from "callboard";
import { createActorClient, type Actor, type Cancellation } from "callboard/client";
import type { Task } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import { createId } from "../../runtime/wire/id.js";
import { testActor } from "../support/actors.js";
import { eventually, turn } from "../support/eventually.js";
import type { Backend, BrokerHarness } from "./harness.js";
import { failure, Workshop } from "./workshop.js";

type Twice = Actor<{ input: number; output: number }>;
const twice: Twice = testActor("twice", { input: z.number(), output: z.number() });
const note = testActor<{ input: string }>("note", { input: z.string() });
const patience = { timeout: "25s" } as const;

/** What a test of this suite may want to know of a broker. */
export interface ControlTraits {
  /** The broker's own store holds the messages: it knows which of them a worker has. */
  readonly knowsHolders: boolean;
  /** Every process can read every result, so that each knows what has ended. */
  readonly sharesResults: boolean;
}

export function describeControl(
  name: string,
  harness: BrokerHarness,
  { knowsHolders, sharesResults }: ControlTraits,
): void {
  /** What is answered where no worker has a message. */
  const free: Cancellation = knowsHolders ? "cancelled" : "cancelling";

  describe(`${name}: cancelling`, () => {
    let shop: Workshop;
    let backend: Backend;
    let broker: Broker;
    beforeEach(async () => {
      shop = await Workshop.open(harness);
      ({ backend, broker } = shop);
    });
    afterEach(() => shop.close());

    const client = (at = broker) => createActorClient<Twice>(at, twice);

    it("keeps a waiting message from ever running, and tells who waits for it, here and elsewhere", async () => {
      const message = await client().send(1);
      const elsewhere = client(backend.connect()).handle(message.id);
      const all = sharesResults ? [message, elsewhere] : [message];
      const waiting = all.map((each) => failure(each.result(patience)));
      await turn();
      // Whoever waits has said so.
      await shop.settle(harness.times.soon);
      expect(await message.cancel()).toBe(free);
      for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(CancelledError);
      expect(await failure(message.result(patience))).toMatchObject({ code: "CANCELLED", id: message.id });

      const ran: number[] = [];
      await shop.work([twice], { twice: (n: number) => (ran.push(n), 2 * n) });
      expect(await client().call(2, patience)).toBe(4);
      await shop.cancelled();
      expect(ran).toEqual([2]);
      expect(await broker.deadLetters.list("default")).toEqual([]);
      expect(await failure(message.result(patience))).toBeInstanceOf(CancelledError);
    });

    it("can be asked for by one who knows the id only, again and again", async () => {
      const { id } = await client().send(1);
      const handle = client(backend.connect()).handle(id);
      expect(await handle.cancel()).toBe(free);
      expect(await handle.cancel()).toBe(free);
      if (sharesResults) expect(await failure(handle.result(patience))).toBeInstanceOf(CancelledError);
    });

    it("reaches a message in whichever partition it is", async () => {
      type Parted = Actor<{ input: number; output: number }>;
      const parted: Parted = testActor("parted", {
        input: z.number(),
        output: z.number(),
        queue: "parted",
        partitions: 3,
      });
      const sender = createActorClient<Parted>(broker, parted);
      const sent = await sender.sendMany([1, 2, 3, 4, 5, 6]);
      const others = createActorClient<Parted>(backend.connect(), parted);
      for (const { id } of sent.slice(0, 5)) expect(await others.handle(id).cancel()).toBe(free);
      const ran: number[] = [];
      await shop.work([parted], { parted: (n: number) => (ran.push(n), n) });
      expect(await sent[5]?.result(patience)).toBe(6);
      expect(await others.call(7, patience)).toBe(7);
      await shop.cancelled(5);
      expect(ran.sort((a, b) => a - b)).toEqual([6, 7]);
    });

    it("keeps a delayed message from running, and one without an answer", async () => {
      const later = await client().send(1, { delay: 200 });
      const silent = await createActorClient<typeof note>(broker, note).send("not to be written", { delay: 100 });
      expect(await later.cancel()).toBe(free);
      expect(await silent.cancel()).toBe(free);
      const ran: unknown[] = [];
      const handler = (input: unknown) => (ran.push(input), input);
      await shop.work([twice, note], { twice: handler, note: handler });
      await shop.pastWaits("both to be met", 200, () => shop.met === 2);
      expect(ran).toEqual([]);
    });

    it("has a message give up its key that nobody runs, and not before its end one that somebody does", async () => {
      const key = createId();
      const unique = { key: () => key, for: "1h" } as const;
      const single: Twice = testActor("single", { input: z.number(), output: z.number(), unique });
      const singles = createActorClient<Twice>(broker, single);
      const first = await singles.send(1, { delay: "1h" });
      expect((await singles.send(2)).id).toBe(first.id);
      await first.cancel();
      const second = await singles.send(2);
      // Who is not known to be nobody's has its key until a worker meets it.
      expect(second.id === first.id).toBe(!knowsHolders);
      if (!knowsHolders) return;
      let end: () => void = () => undefined;
      const ran: number[] = [];
      const handler = (n: number) => (ran.push(n), new Promise<number>((resolve) => (end = () => resolve(n))));
      await shop.work([single], { single: handler });
      await eventually("the second", () => ran.length === 1);
      expect(await second.cancel()).toBe("cancelling");
      expect((await singles.send(3)).id).toBe(second.id);
      end();
      await eventually("its end", async () => (await singles.send(4)).id !== second.id);
      await eventually("the last", () => ran.length === 2);
      end();
      expect(ran).toEqual([2, 4]);
    });

    it("keeps a message from running that waits for a limit", async () => {
      const single: Twice = testActor("twice", {
        input: z.number(),
        output: z.number(),
        concurrencyLimit: { limit: 1, lease: "1s" },
      });
      const ran: number[] = [];
      let end = () => undefined as void;
      await shop.work([single], {
        twice: async (n: number) => {
          ran.push(n);
          if (n === 1) await new Promise<void>((resolve) => (end = resolve));
          return 2 * n;
        },
      });
      const limited = createActorClient<Twice>(broker, single);
      const first = await limited.send(1);
      await eventually("the first to run", () => ran.length === 1);
      const second = await limited.send(2);
      await shop.settle(harness.times.soon);
      expect(await second.cancel()).toBe(free);
      const third = limited.call(3, patience);
      end();
      expect(await first.result(patience)).toBe(2);
      await shop.pastWaits("the third", 1000, () => ran.includes(3));
      expect(await third).toBe(6);
      await shop.pastWaits("the second to be met", 1000, () => shop.met === 1);
      expect(ran).toEqual([1, 3]);
      expect(await failure(second.result(patience))).toBeInstanceOf(CancelledError);
    });

    it("keeps a message that failed from being tried again", async () => {
      const failing: Twice = testActor("twice", {
        input: z.number(),
        output: z.number(),
        minBackoff: 500,
        maxBackoff: 500,
      });
      let attempts = 0;
      const fail = () => {
        attempts++;
        throw new Error("not yet");
      };
      await shop.work([failing], { twice: fail });
      const message = await createActorClient<Twice>(broker, failing).send(1);
      await eventually("the first attempt to have failed", () =>
        shop.logger.messages("warn").includes("attempt failed, to be retried"),
      );
      await shop.settle(harness.times.soon);
      expect(await message.cancel()).toBe(free);
      expect(await failure(message.result(patience))).toBeInstanceOf(CancelledError);
      await shop.pastWaits("it to be met again", 500, () => shop.met === 1);
      expect(attempts).toBe(1);
    });

    it("aborts a running message in another process, and discards what it still returns", async () => {
      let aborted: unknown;
      let id = "";
      let end = () => undefined as void;
      await shop.work([twice], {
        twice: async (n: number, { signal, message }: Task) => {
          if (n !== 1) return 2 * n;
          id = message.id;
          signal.addEventListener("abort", () => (aborted = signal.reason as unknown));
          await new Promise<void>((resolve) => (end = resolve));
          return 1000;
        },
      });
      const calling = failure(client().call(1, patience));
      await eventually("it to run", () => id !== "");
      const started = performance.now();
      expect(await client(backend.connect()).handle(id).cancel()).toBe("cancelling");
      expect(await calling).toBeInstanceOf(CancelledError);
      await eventually("its signal to abort", () => aborted !== undefined);
      // A second is promised; a busy machine has more.
      expect(performance.now() - started).toBeLessThan(5000);
      expect(aborted).toBeInstanceOf(CancelledError);
      end();
      await shop.cancelled();
      if (sharesResults) expect(await failure(client().handle(id).result(patience))).toBeInstanceOf(CancelledError);
      expect(await client().call(2, patience)).toBe(4);
      expect(await broker.deadLetters.list("default")).toEqual([]);
    });

    it("counts no failure of a handler that heeds its signal", async () => {
      await shop.work([twice], {
        twice: (_: number, { signal }: Task) =>
          new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
      });
      const message = await client().send(1);
      await eventually("it to run", () => shop.workers[0]?.running === 1);
      expect(await message.cancel()).toBe("cancelling");
      await shop.cancelled();
      expect(shop.logger.messages("warn")).toEqual([]);
      expect(await failure(message.result(patience))).toBeInstanceOf(CancelledError);
    });

    it("leaves a message alone that has ended", async () => {
      let healthy = false;
      const handler = (n: number) => {
        if (n < 0 && !healthy) throw new Error("no");
        return 2 * n;
      };
      const once: Twice = testActor("twice", { input: z.number(), output: z.number(), maxRetries: 0 });
      await shop.work([once], { twice: handler });
      const done = await client().send(1);
      expect(await done.result(patience)).toBe(2);
      expect(await done.cancel()).toBe("ended");
      expect(await done.result(patience)).toBe(2);

      const dead = await client().send(-1);
      expect(await failure(dead.result(patience))).toBeInstanceOf(RemoteFailureError);
      await eventually("the dead letter", async () => (await broker.deadLetters.list("default")).length === 1);
      expect(await dead.cancel()).toBe("ended");
      expect(await failure(dead.result(patience))).toBeInstanceOf(RemoteFailureError);
      // It lives again, and runs.
      healthy = true;
      expect(await broker.deadLetters.replay("default", dead.id)).toBe(true);
      await eventually("its answer", async () => (await failure(dead.result(patience))) === "no error but -2");
    });

    it("cancels a message that nobody has sent yet as well as one that is there", async () => {
      const id = createId();
      expect(await client().handle(id).cancel()).toBe(free);
      if (sharesResults) expect(await failure(client().handle(id).result(patience))).toBeInstanceOf(CancelledError);
    });

    it("holds in a storm: nothing runs of which it was said that it is cancelled", async () => {
      const count = 2000;
      const ran = new Set<number>();
      const handler = async (n: number) => {
        ran.add(n);
        await new Promise((resolve) => setImmediate(resolve));
        return n;
      };
      const messages = await client().sendMany(Array.from({ length: count }, (_, n) => n));
      const others = client(backend.connect());
      await Promise.all([1, 2].map(() => shop.work([twice], { twice: handler }, { concurrency: 20 })));
      await eventually("some to have run", () => ran.size > 100);
      const said: Cancellation[] = [];
      // From the end, where the workers have not been.
      for (let i = count; i > 0; i -= 50) {
        const batch = messages.slice(i - 50, i);
        const answers = await Promise.all(batch.map(({ id }) => others.handle(id).cancel()));
        said.unshift(...answers);
      }
      await eventually("the queue to be empty", () => ran.size + shop.met >= count);
      await backend.pass(harness.times.soon);
      const broken = said.flatMap((answer, n) => (answer === "cancelled" && ran.has(n) ? [n] : []));
      expect(broken).toEqual([]);
      // Nor did anything run that was said to be neither.
      const results = await Promise.all(messages.map((message) => failure(message.result(patience))));
      for (const [n, result] of results.entries()) {
        if (said[n] === "ended") expect(result).toBe(`no error but ${n}`);
        else if (ran.has(n) && !sharesResults) expect([n, result]).toEqual([n, expect.anything()]);
        else expect([n, result]).toEqual([n, expect.any(CancelledError)]);
      }
      expect(shop.met).toBeGreaterThan(0);
    });
  });
}

/** Without a state store nothing can be cancelled. */
export function describeNoControl(name: string, harness: BrokerHarness): void {
  it(`${name}: without a state store, cancel() says what is missing`, async () => {
    const backend = await harness.open();
    const handle = createActorClient<Twice>(backend.connect(), twice).handle(createId());
    await expect(handle.cancel()).rejects.toThrow(InvalidOptionError);
    await expect(handle.cancel()).rejects.toThrow(/redisState/);
    await backend.close();
  });
}
