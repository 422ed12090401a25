/** What limiters and barriers promise that are used by hand, on any broker that has a state store. */
import { randomUUID } from "node:crypto";
import {
  barrier,
  BarrierExpiredError,
  concurrencyLimiter,
  InvalidOptionError,
  rateLimiter,
  RateLimitedError,
} from "callboard";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Broker } from "../../runtime/seams/broker.js";
import type { Backend, BrokerHarness } from "./harness.js";

export function describeLimiters(name: string, harness: BrokerHarness): void {
  describe(`${name}: limiters by hand`, () => {
    let backend: Backend;
    let broker: Broker;
    /** Another process. */
    let other: Broker;
    let key: string;

    beforeEach(async () => {
      backend = await harness.open();
      [broker, other] = [backend.connect(), backend.connect()];
      key = `key ${randomUUID()}`;
    });
    afterEach(() => backend.close());

    /** Waits for something, and lets time pass meanwhile where it stands still. */
    async function passUntil<T>(promise: Promise<T>, step = 50): Promise<T> {
      let waiting = true;
      const ended = () => void (waiting = false);
      promise.then(ended, ended);
      while (backend.clock !== undefined && waiting) await backend.pass(step);
      return promise;
    }

    const sum = (results: readonly boolean[]) => results.filter(Boolean).length;

    it("a mutex is had by one of eight at once, and by eight in turn", async () => {
      const here = concurrencyLimiter(broker, key, { limit: 1, lease: "1s" });
      const there = concurrencyLimiter(other, key, { limit: 1, lease: "1s" });
      const slots = await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 ? here : there).tryAcquire()));
      expect(slots.filter((slot) => slot !== undefined).length).toBe(1);
      for (const slot of slots) await slot?.release();
      for (let i = 0; i < 8; i++) expect(await (i % 2 ? here : there).run(() => i)).toBe(i);
    });

    it("four slots are had by four of thirty-two, and never by more while they are handed on", async () => {
      let [inside, most] = [0, 0];
      const runs = Array.from({ length: 32 }, (_, i) =>
        concurrencyLimiter(i % 2 ? broker : other, key, { limit: 4 }).run(
          async () => {
            most = Math.max(most, ++inside);
            await new Promise((resolve) => setImmediate(resolve));
            inside--;
          },
          { timeout: "20s" },
        ),
      );
      await passUntil(Promise.all(runs));
      expect(most).toBeLessThanOrEqual(4);
      expect(most).toBeGreaterThanOrEqual(3);
    });

    it("says when there may be room, at once or when its time is over", async () => {
      const mutex = concurrencyLimiter(broker, key, { limit: 1, lease: "3s" });
      await mutex.acquire();
      expect(await mutex.tryAcquire()).toBeUndefined();
      for (const options of [{}, { timeout: 100 }]) {
        const error: unknown = await passUntil(mutex.acquire(options).catch((thrown: unknown) => thrown));
        expect(error).toBeInstanceOf(RateLimitedError);
        expect(error).toMatchObject({ code: "RATE_LIMITED", key });
        expect((error as RateLimitedError).retryIn).toBeGreaterThan(0);
        expect((error as RateLimitedError).retryIn).toBeLessThanOrEqual(1000);
      }
    });

    it("ends a wait by a signal", async () => {
      const mutex = concurrencyLimiter(broker, key, { limit: 1 });
      await mutex.acquire();
      const controller = new AbortController();
      const waiting = mutex.acquire({ timeout: "1m", signal: controller.signal });
      controller.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
    });

    it("keeps a slot for as long as it is held, and gives it back whatever the work comes to", async () => {
      const mutex = concurrencyLimiter(broker, key, { limit: 1, lease: "1s" });
      const slot = await mutex.acquire();
      await backend.pass(2500);
      expect(await concurrencyLimiter(other, key, { limit: 1 }).tryAcquire()).toBeUndefined();
      expect(slot.signal.aborted).toBe(false);
      await slot[Symbol.asyncDispose]();
      await slot.release();
      await expect(mutex.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
      expect(await mutex.tryAcquire()).toBeDefined();
    });

    it("a window of two never has more than two starts in any span of its length", async () => {
      const starts: number[] = [];
      const now = () => backend.clock?.now() ?? performance.now();
      const began = now();
      const runs = Array.from({ length: 8 }, (_, i) =>
        rateLimiter(i % 2 ? broker : other, key, { limit: 2, per: 500 }).run(() => void starts.push(now()), {
          timeout: "20s",
        }),
      );
      await passUntil(Promise.all(runs));
      expect(starts.length).toBe(8);
      // A start is stamped by the store, and however late it is here: it is there after as many times as went by.
      for (const [i, at] of starts.entries()) expect(at - began).toBeGreaterThan(500 * Math.floor(i / 2) - 2);
    });

    it("a bucket of two gives two at once, then one after each half of its time", async () => {
      const bucket = rateLimiter(broker, key, { limit: 2, per: "1s", kind: "bucket" });
      expect(sum([await bucket.tryAcquire(), await bucket.tryAcquire(), await bucket.tryAcquire()])).toBe(2);
      const error: unknown = await bucket.acquire({ timeout: 1 }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RateLimitedError);
      expect((error as RateLimitedError).retryIn).toBeLessThanOrEqual(500);
      await passUntil(bucket.acquire({ timeout: "2s" }));
    });

    it("keys of limiters are their own: neither an actor's, nor those of the other kind", async () => {
      const slots = concurrencyLimiter(broker, "test.job", { limit: 1 });
      const starts = rateLimiter(broker, "test.job", { limit: 1, per: "1m" });
      const slot = await slots.acquire();
      expect(await starts.tryAcquire()).toBe(true);
      const actors = broker.state?.limits;
      const scope = { name: "test.job", concurrency: { limit: 1, lease: 1000 }, reservation: 1000 };
      const place = { token: randomUUID(), concurrencyKey: "" };
      expect((await actors?.acquire(scope, place))?.kind).toBe("placed");
      await slot.release();
    });

    it("a barrier of two is made once, completed by the second, and lets everybody through at once", async () => {
      const one = barrier(broker, key, { parties: 2, ttl: "1h" });
      const two = barrier(other, key, { parties: 2, ttl: "1h" });
      expect(await one.create()).toBe(true);
      expect(await two.create()).toBe(false);
      expect(await one.arrive("a")).toBe(false);
      expect(await passUntil(two.wait({ timeout: 100 }))).toBe(false);
      const waiting = [one, two].map((each) => each.wait());
      await backend.pass(harness.times.soon);
      expect(await two.arrive("b")).toBe(true);
      // Nobody looks again by himself within the hour: both have been told.
      expect(await Promise.all(waiting)).toEqual([true, true]);
      expect(await one.wait()).toBe(true);
    });

    it("a member of a barrier counts once, and is told the same each time", async () => {
      const three = barrier(broker, key, { parties: 3, ttl: "10s" });
      await three.create();
      const arrivals = [];
      for (const member of ["a", "a", "b", "a", "b", "c", "a", "c", "d"]) arrivals.push(await three.arrive(member));
      expect(arrivals).toEqual([false, false, false, false, false, true, false, true, false]);
    });

    it("a barrier whose time is over never becomes complete, and says so", async () => {
      const late = barrier(broker, key, { parties: 2, ttl: 300 });
      await expect(late.arrive("a")).rejects.toThrow(BarrierExpiredError);
      await expect(late.wait()).rejects.toThrow(/it expired, or nobody created it/);
      await late.create();
      await late.arrive("a");
      const waiting = late.wait({ timeout: "20s" }).catch((error: unknown) => error);
      expect(await passUntil(waiting)).toBeInstanceOf(BarrierExpiredError);
      await expect(late.arrive("b")).rejects.toThrow(BarrierExpiredError);
      expect(await late.create()).toBe(true);
      expect(await late.arrive("b")).toBe(false);
    });

    it("refuses what is no limit, no key and no time", async () => {
      expect(() => concurrencyLimiter(broker, "", { limit: 1 })).toThrow(InvalidOptionError);
      expect(() => concurrencyLimiter(broker, "k", { limit: 0 })).toThrow(
        /concurrencyLimiter "k": its "limit" must be/,
      );
      expect(() => rateLimiter(broker, "k", { limit: 1, per: "soon" as never })).toThrow(
        /its "per" must be a duration/,
      );
      expect(() => rateLimiter(broker, "k", { limit: 1, pre: 5 } as never)).toThrow(/Did you mean "per"\?/);
      await expect(barrier(broker, "k", { parties: 1, ttl: 5 }).arrive("")).rejects.toThrow(
        /a member is named by a text/,
      );
      expect(() => barrier(broker, "k", { parties: 0, ttl: 5 })).toThrow(/"parties" must be a whole number/);
      expect(() => barrier(broker, "k", { parties: 1, ttl: 0 })).toThrow(/"ttl" must be a duration/);
    });
  });
}
