/** What every store of limits promises, and what limits of an actor do on any broker that has one. */
import { randomUUID } from "node:crypto";
import { RateLimitedError, RemoteFailureError } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import type { Task } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import type { Acquired, Call, LimitScope, LimitStore, Place, Progress, Waiting } from "../../runtime/seams/limits.js";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";
import type { Backend, BrokerHarness } from "./harness.js";
import { Workshop } from "./workshop.js";

/** So long that nobody waits for its end, however slow the machine is. */
const LONG = 60_000;
/** For tests that wait for the end. */
const LEASE = 1000;
const RESERVATION = 300;

/** A scope of its own for each test. */
const scopeOf = (limits: Pick<LimitScope, "concurrency" | "rate">): LimitScope => ({
  name: `test.${randomUUID()}`,
  reservation: LONG,
  ...limits,
});
const upTo = (limit: number, lease = LONG): LimitScope => scopeOf({ concurrency: { limit, lease } });
/** A mutex that keeps a place for one who was called for so long that a test can wait for the end. */
const brieflyKept = (): LimitScope => ({ ...upTo(1), reservation: RESERVATION });
const perTime = (limit: number, per: number, kind: "window" | "bucket" = "window"): LimitScope =>
  scopeOf({ rate: { limit, per, kind } });

const slot = (concurrencyKey = ""): Place => ({ token: randomUUID(), concurrencyKey });
const start = (rateKey = ""): Place => ({ token: randomUUID(), rateKey });

function waiting(id: string, priority = 5, turn?: number): Waiting {
  return { publication: { id, queue: "default", priority, delay: 0, body: `{"id":"${id}"}\n` }, turn };
}

const called = (progress: Progress | Acquired) => ("calls" in progress ? progress.calls.map(({ id }) => id) : []);

export function describeLimits(name: string, harness: BrokerHarness): void {
  describe(`${name}: a store of limits`, () => {
    let backend: Backend;
    let store: LimitStore;

    beforeEach(async () => {
      backend = await harness.open();
      const limits = backend.connect().state?.limits;
      if (limits === undefined) throw new Error("this broker has no state store");
      store = limits;
    });
    afterEach(() => backend.close());

    const kinds = (acquired: readonly Acquired[]) => acquired.filter(({ kind }) => kind === "placed").length;

    it("gives a mutex to one of many who ask at once, and to each of many who ask in turn", async () => {
      const mutex = upTo(1);
      const places = Array.from({ length: 8 }, () => slot());
      expect(kinds(await Promise.all(places.map((place) => store.acquire(mutex, place))))).toBe(1);
      await Promise.all(places.map((place) => store.release(mutex, place)));
      for (const place of places) {
        expect((await store.acquire(mutex, place)).kind).toBe("placed");
        await store.release(mutex, place);
      }
    });

    it("names the scopes in which somebody waits and that nobody sees to, until somebody does again", async () => {
      const [busy, idle, kept] = [upTo(1), upTo(1), upTo(1)];
      const names = [busy, idle, kept].map((scope) => scope.name);
      const alone = async (own: readonly string[], patience: number) => {
        return (await store.attend(own, patience)).filter((name) => names.includes(name));
      };
      expect(await alone(names, 60_000)).toEqual([]);
      for (const scope of [busy, kept]) {
        await store.acquire(scope, slot());
        await store.acquire(scope, slot(), waiting(`in ${scope.name}`));
      }
      await store.acquire(idle, slot());
      await backend.pass(500);
      expect(await alone([kept.name], 500)).toEqual([busy.name]);
      expect(await alone([busy.name], 500)).toEqual([]);
      await backend.pass(500);
      expect((await alone([], 500)).toSorted()).toEqual([busy.name, kept.name].toSorted());
    });

    it("gives as many slots as the limit says, and each key has its own", async () => {
      const four = upTo(4);
      const ask = (key: string) => Promise.all(Array.from({ length: 32 }, () => store.acquire(four, slot(key))));
      expect(kinds(await ask("ada"))).toBe(4);
      expect(kinds(await ask("bob"))).toBe(4);
      expect(kinds(await ask('odd "key" }{ ä\n'))).toBe(4);
    });

    it("gives one who asks again, not knowing that it was heard, no further place", async () => {
      const two = upTo(2);
      const place = slot();
      await store.acquire(two, place);
      await store.acquire(two, place);
      expect((await store.acquire(two, slot())).kind).toBe("placed");
      const mutex = upTo(1);
      for (let i = 0; i < 2; i++) expect((await store.acquire(mutex, place)).kind).toBe("placed");
      const window = perTime(2, 60_000);
      const once = start();
      await store.acquire(window, once);
      await store.acquire(window, once);
      expect((await store.acquire(window, start())).kind).toBe("placed");
      expect((await store.acquire(window, start())).kind).toBe("refused");
    });

    it("takes a place under both limits, or under none", async () => {
      const both = scopeOf({
        concurrency: { limit: 1, lease: LEASE },
        rate: { limit: 2, per: 60_000, kind: "window" },
      });
      const ask = async (concurrencyKey: string, rateKey: string) =>
        (await store.acquire(both, { token: randomUUID(), concurrencyKey, rateKey })).kind;
      expect(await ask("a", "x")).toBe("placed");
      // Refused for its slot, it has not started.
      expect(await ask("a", "x")).toBe("refused");
      expect(await ask("b", "x")).toBe("placed");
      // Refused for its start, it has no slot.
      expect(await ask("c", "x")).toBe("refused");
      expect(await ask("c", "y")).toBe("placed");
    });

    it("gives the slot of a holder that died back after its own lease, however busy the others are", async () => {
      const two = upTo(2, LEASE);
      const [dead, alive] = [slot(), slot()];
      const now = () => backend.clock?.now() ?? performance.now();
      const asked = now();
      await store.acquire(two, dead);
      await store.acquire(two, alive);
      for (let i = 0; i < 5; i++) {
        await backend.pass(LEASE / 5 - harness.times.grain);
        expect(await store.renew(two, [alive])).toEqual([]);
        const place = slot();
        const { kind } = await store.acquire(two, place);
        if (now() - asked < LEASE - 1) expect(kind).toBe("refused");
        // On a slow machine the lease is over by now.
        else await store.release(two, place);
      }
      await backend.pass(LEASE / 5 + 5 * harness.times.grain);
      expect((await store.acquire(two, slot())).kind).toBe("placed");
      expect((await store.acquire(two, slot())).kind).toBe("refused");
      expect(await store.renew(two, [dead, alive])).toEqual([dead.token]);
    });

    it("parks messages, and calls them by priority and in the order in which they came", async () => {
      const mutex = upTo(1);
      let holder = slot();
      await store.acquire(mutex, holder);
      for (const [id, priority] of [
        ["a", 5],
        ["b", 5],
        ["c", 9],
        ["d", 0],
      ] as const) {
        expect((await store.acquire(mutex, slot(), waiting(id, priority))).kind).toBe("parked");
        await backend.pass(2);
      }
      const order: string[] = [];
      for (let i = 0; i < 4; i++) {
        const { calls } = await store.release(mutex, holder);
        const [call] = calls;
        expect(calls.length).toBe(1);
        order.push(call?.id ?? "");
        expect(call?.publication).toEqual(waiting(call?.id ?? "", call?.publication.priority).publication);
        // Its place is kept: a newcomer does not get it.
        expect((await store.acquire(mutex, slot())).kind).toBe("refused");
        await store.published(mutex, calls);
        holder = slot();
        const taken = await store.acquire(mutex, holder, waiting(call?.id ?? "", 5, call?.turn));
        expect(taken.kind).toBe("placed");
      }
      expect(order).toEqual(["c", "a", "b", "d"]);
      expect(await store.release(mutex, holder)).toEqual({ calls: [] });
    });

    it("lets nobody pass those who wait, and nobody wait for another key", async () => {
      const window = perTime(1, LEASE);
      await store.acquire(window, start("ada"));
      expect((await store.acquire(window, start("ada"), waiting("first"))).kind).toBe("parked");
      await backend.pass(LEASE + harness.times.grain);
      expect((await store.acquire(window, start("bob"), waiting("other"))).kind).toBe("placed");
      const newcomer = await store.acquire(window, start("ada"), waiting("second"));
      expect(newcomer.kind).toBe("parked");
      expect(called(newcomer)).toEqual(["first"]);
    });

    it("does not hold up those who wait for one limit behind one that has to wait for the other", async () => {
      const both = scopeOf({
        concurrency: { limit: 1, lease: 60_000 },
        rate: { limit: 1, per: 60_000, kind: "window" },
      });
      const place = (rateKey: string): Place => ({ token: randomUUID(), concurrencyKey: "", rateKey });
      const holder = place("x");
      await store.acquire(both, holder);
      await store.acquire(both, place("x"), waiting("1, of the same user"));
      await store.acquire(both, place("y"), waiting("2, of another one"));
      expect(called(await store.release(both, holder))).toEqual(["2, of another one"]);
    });

    it("knows a message again that was parked and comes a second time", async () => {
      const mutex = upTo(1);
      const holder = slot();
      await store.acquire(mutex, holder);
      await store.acquire(mutex, slot(), waiting("a"));
      expect((await store.acquire(mutex, slot(), waiting("a"))).kind).toBe("parked");
      expect([await store.parked(mutex.name), await store.parked("absent")]).toEqual([1, 0]);
      const { calls } = await store.release(mutex, holder);
      expect(calls.map(({ id }) => id)).toEqual(["a"]);
      // The first copy, which nobody acked: the one that was called is on its way.
      expect((await store.acquire(mutex, slot(), waiting("a"))).kind).toBe("parked");
      const next = slot();
      expect((await store.acquire(mutex, next, waiting("a", 5, calls[0]?.turn))).kind).toBe("placed");
      expect(await store.release(mutex, next)).toEqual({ calls: [] });
    });

    it("calls a message again, and before all others, where nobody has published it", async () => {
      const mutex = brieflyKept();
      const holder = slot();
      await store.acquire(mutex, holder);
      await store.acquire(mutex, slot(), waiting("a"));
      await backend.pass(2);
      await store.acquire(mutex, slot(), waiting("b"));
      const { calls } = await store.release(mutex, holder);
      expect(calls.map(({ id }) => id)).toEqual(["a"]);
      const early = await store.advance(mutex);
      expect(early.calls).toEqual([]);
      expect(early.next).toBeLessThanOrEqual(RESERVATION);
      await backend.pass(RESERVATION + harness.times.grain);
      const again = await store.advance(mutex);
      expect(again.calls).toMatchObject([{ id: "a", turn: calls[0]?.turn, publication: calls[0]?.publication }]);
      // Too late to say so of the first call; the second one is not forgotten for it.
      await store.published(mutex, calls);
      await backend.pass(RESERVATION + harness.times.grain);
      expect(called(await store.advance(mutex))).toEqual(["a"]);
    });

    /** Takes the only place of a limit, and has these wait for it, in this order. */
    async function heldWith(mutex: LimitScope, ids: readonly string[]): Promise<Place> {
      const holder = slot();
      await store.acquire(mutex, holder);
      for (const id of ids) {
        await store.acquire(mutex, slot(), waiting(id));
        await backend.pass(2);
      }
      return holder;
    }

    it("lets one that was long on its way take a place that is kept for another, and parks it in its turn where all are taken", async () => {
      const mutex = brieflyKept();
      const holder = await heldWith(mutex, ["a", "b", "c"]);
      const calls: Call[] = [...(await store.release(mutex, holder)).calls];
      await store.published(mutex, calls);
      await backend.pass(RESERVATION + harness.times.grain);
      calls.push(...(await store.advance(mutex)).calls);
      expect(calls.map(({ id }) => id)).toEqual(["a", "b"]);
      await store.published(mutex, calls.slice(1));
      const taken = slot();
      expect((await store.acquire(mutex, taken, waiting("a", 5, calls[0]?.turn))).kind).toBe("placed");
      expect((await store.acquire(mutex, slot(), waiting("b", 5, calls[1]?.turn))).kind).toBe("parked");
      expect(called(await store.release(mutex, taken))).toEqual(["b"]);
    });

    it("keeps what was parked anew when a call of before is said to be published", async () => {
      const mutex = brieflyKept();
      const holder = slot();
      await store.acquire(mutex, holder);
      await store.acquire(mutex, slot(), waiting("a"));
      const { calls } = await store.release(mutex, holder);
      const [call] = calls;
      await backend.pass(RESERVATION + harness.times.grain);
      // Meanwhile another has the place.
      const other = slot();
      await store.acquire(mutex, other);
      expect((await store.acquire(mutex, slot(), waiting("a", 5, call?.turn))).kind).toBe("parked");
      await store.published(mutex, calls);
      expect(called(await store.release(mutex, other))).toEqual(["a"]);
    });

    it("calls the next one at once where one that was called has ended without its place", async () => {
      const mutex = brieflyKept();
      const holder = await heldWith(mutex, ["a", "b", "c"]);
      const { calls } = await store.release(mutex, holder);
      await store.published(mutex, calls);
      const next = await store.decline(mutex, "a", slot());
      expect(called(next)).toEqual(["b"]);
      expect(called(await store.decline(mutex, "a", slot()))).toEqual([]);
      // Nobody lived to say that it was published.
      expect(called(await store.decline(mutex, "b", slot()))).toEqual(["c"]);
      await backend.pass(RESERVATION + harness.times.grain);
      expect(called(await store.advance(mutex))).toEqual(["c"]);
    });

    it("starts never more than a window allows in any span", async () => {
      const window = perTime(2, 1000);
      const now = () => backend.clock?.now() ?? performance.now();
      const begun = now();
      const starts: { readonly asked: number; readonly answered: number }[] = [];
      for (let i = 0; i < 40; i++) {
        const asked = now();
        if ((await store.acquire(window, start())).kind === "placed") starts.push({ asked, answered: now() });
        await backend.pass(100);
      }
      // The store's clock was somewhere between the question and the answer, and counts in whole milliseconds.
      for (const [i, { asked }] of starts.entries()) {
        expect((starts[i + 2]?.answered ?? Infinity) - asked).toBeGreaterThan(1000 - 2);
      }
      expect(starts.length).toBeGreaterThanOrEqual(8);
      const times = starts.map(({ asked }) => asked - begun);
      if (backend.clock !== undefined) expect(times).toEqual([0, 100, 1000, 1100, 2000, 2100, 3000, 3100]);
    });

    it("refills a bucket evenly", async () => {
      const bucket = perTime(4, 2000, "bucket");
      const ask = async () => kinds(await Promise.all(Array.from({ length: 8 }, () => store.acquire(bucket, start()))));
      expect(await ask()).toBe(4);
      const refused = await store.acquire(bucket, start());
      expect(refused.kind === "refused" && refused.wait).toBeLessThanOrEqual(500);
      await backend.pass(500 + harness.times.grain);
      expect(await ask()).toBeGreaterThanOrEqual(1);
      await backend.pass(2000 + harness.times.grain);
      expect(await ask()).toBe(4);
    });

    it.each(["window", "bucket"] as const)("says when a %s has room again, and calls who waits", async (kind) => {
      const rate = perTime(1, 600, kind);
      await store.acquire(rate, start());
      const parked = await store.acquire(rate, start(), waiting("a"));
      const next = "next" in parked ? (parked.next ?? 0) : 0;
      expect(next).toBeGreaterThan(0);
      expect(next).toBeLessThanOrEqual(600);
      expect(called(await store.advance(rate))).toEqual([]);
      await backend.pass(next + harness.times.grain);
      const { calls } = await store.advance(rate);
      expect(calls.map(({ id }) => id)).toEqual(["a"]);
      await store.published(rate, calls);
      expect((await store.acquire(rate, start(), waiting("a", 5, calls[0]?.turn))).kind).toBe("placed");
    });

    it("calls who waits for a holder that died", async () => {
      const mutex = upTo(1, LEASE);
      await store.acquire(mutex, slot());
      const parked = await store.acquire(mutex, slot(), waiting("a"));
      expect("next" in parked && parked.next).toBeLessThanOrEqual(LEASE);
      await backend.pass(LEASE + harness.times.grain);
      expect(called(await store.advance(mutex))).toEqual(["a"]);
    });

    it("applies the limits of whoever asks: a larger one lets more of those go who wait, none all of them", async () => {
      const mutex = brieflyKept();
      await store.acquire(mutex, slot());
      for (const id of ["a", "b", "c"]) {
        await store.acquire(mutex, slot(), waiting(id));
        await backend.pass(2);
      }
      const larger = { ...mutex, concurrency: { limit: 2, lease: LEASE } };
      expect(called(await store.acquire(larger, slot(), waiting("d")))).toEqual(["a"]);
      await backend.pass(RESERVATION + harness.times.grain);
      const rest = await store.advance({ name: mutex.name, reservation: RESERVATION });
      expect(called(rest)).toEqual(["a", "b", "c", "d"]);
    });

    it.each(["window", "bucket"] as const)(
      "has nobody wait for a %s as long as limits of before would",
      async (kind) => {
        const before = perTime(1, 3_600_000, kind);
        for (const key of ["x", "y"]) {
          await store.acquire(before, start(key));
          await store.acquire(before, start(key), waiting(key));
        }
        const now = { ...before, rate: { limit: 1, per: 500, kind } };
        const calls = [...(await store.advance(now, { anew: true })).calls];
        await backend.pass(500 + harness.times.grain);
        calls.push(...(await store.advance(now)).calls);
        expect(calls.map(({ id }) => id).toSorted()).toEqual(["x", "y"]);
      },
    );

    it("frees the place of one who was called under another key at once, when it takes its own or declines", async () => {
      const mutex = upTo(1);
      const held = slot();
      await store.acquire(mutex, held);
      for (const id of ["a", "b", "c"]) {
        await store.acquire(mutex, slot(), waiting(id));
        await backend.pass(2);
      }
      const first = await store.release(mutex, held);
      expect(called(first)).toEqual(["a"]);
      await store.published(mutex, first.calls);
      const second = await store.acquire(mutex, slot("new"), waiting("a", 5, first.calls[0]?.turn));
      expect([second.kind, called(second)]).toEqual(["placed", ["b"]]);
      if ("calls" in second) await store.published(mutex, second.calls);
      expect(called(await store.decline(mutex, "b", slot("new too")))).toEqual(["c"]);
    });

    it("tells those who wait without a message when a slot is given back", async () => {
      const mutex = { ...upTo(1), watched: true };
      const place = slot();
      await store.acquire(mutex, place);
      let told = 0;
      const end = await store.watch(mutex, () => void told++);
      await backend.pass(harness.times.soon);
      const before = told;
      await store.release(mutex, place);
      await eventually("the word", () => told > before);
      await backend.pass(harness.times.soon);
      expect(told).toBe(before + 1);
      end();
      await store.acquire(mutex, place);
      await store.release(mutex, place);
      await backend.pass(harness.times.soon);
      expect(told).toBe(before + 1);
    });
  });
}

type Job = Actor<{ input: { key: string; n: number }; output: number }>;
const schemas = { input: z.object({ key: z.string(), n: z.number() }), output: z.number() };
const patience = { timeout: "25s" } as const;

/** Counts who is at work at once. */
class Crowd {
  readonly #inside = new Map<string, number>();
  most = 0;
  readonly order: number[] = [];

  /** Works on a job for some turns of the event loop, so that others can come. */
  async work({ key, n }: { key: string; n: number }): Promise<number> {
    const inside = (this.#inside.get(key) ?? 0) + 1;
    this.#inside.set(key, inside);
    this.most = Math.max(this.most, inside);
    this.order.push(n);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    this.#inside.set(key, (this.#inside.get(key) ?? 0) - 1);
    return n;
  }
}

/** What a worker does with the messages of an actor that is limited, on a broker with a state store. */
export function describeLimitedActors(name: string, harness: BrokerHarness): void {
  describe(`${name}: an actor with limits`, () => {
    let shop: Workshop;
    let backend: Backend;
    let broker: Broker;

    beforeEach(async () => {
      shop = await Workshop.open(harness);
      ({ backend, broker } = shop);
    });
    afterEach(() => shop.close());

    const work = (...args: Parameters<Workshop["work"]>) => shop.work(...args);

    /** Waits for answers, and lets time pass meanwhile where it stands still. */
    async function passUntil<T>(answers: Promise<T>): Promise<T> {
      let waiting = true;
      const ended = () => void (waiting = false);
      answers.then(ended, ended);
      while (backend.clock !== undefined && waiting) await backend.pass(50);
      return answers;
    }

    const job = (options: Partial<Parameters<typeof testActor>[1]>): Job =>
      testActor("job", { ...schemas, ...options });
    const jobs = (count: number, key = "k") => Array.from({ length: count }, (_, n) => ({ key, n }));

    it("is handled one at a time with a mutex, in order, by all workers together, and nobody else waits", async () => {
      const mutex = job({ concurrencyLimit: 1 });
      const other = testActor<{ input: number; output: number }>("other", { input: z.number(), output: z.number() });
      const crowd = new Crowd();
      const attempts: number[] = [];
      const handlers = {
        job: (input: { key: string; n: number }, task: Task) => {
          attempts.push(task.message.attempt);
          return crowd.work(input);
        },
        other: (n: number) => n,
      };
      for (let i = 0; i < 3; i++) await work([mutex, other], handlers, { concurrency: 10 });
      const sent = await createActorClient<Job>(broker, mutex).sendMany(jobs(30));
      expect(await createActorClient(broker, other).call(7, patience)).toBe(7);
      expect(crowd.order.length).toBeLessThan(30);
      expect(await Promise.all(sent.map((message) => message.result(patience)))).toEqual(jobs(30).map(({ n }) => n));
      expect(crowd.most).toBe(1);
      expect(attempts).toEqual(jobs(30).map(() => 1));
      expect(crowd.order.toSorted((a, b) => a - b)).toEqual(jobs(30).map(({ n }) => n));
    });

    it("holds nobody up when its turn comes after it was cancelled, or is too old", async () => {
      const mutex = job({ concurrencyLimit: 1 });
      const client = createActorClient<Job>(broker, mutex);
      let end = (): void => undefined;
      const ran: number[] = [];
      const hold = ({ n }: { n: number }) => {
        ran.push(n);
        return n === 0 ? new Promise<number>((resolve) => (end = () => resolve(n))) : n;
      };
      await work([mutex], { job: hold });
      await client.send({ key: "k", n: 0 });
      await shop.pastWaits("the first", 20, () => ran.length === 1);
      const others = await client.sendMany([1, 2].map((n) => ({ key: "k", n })));
      const old = await client.sendMany(
        [3, 4].map((n) => ({ key: "k", n })),
        { maxAge: 200 },
      );
      const last = await client.send({ key: "k", n: 5 });
      const parked = async () => (await broker.state?.limits.parked("test.job")) === 5;
      await shop.pastWaits("the others to wait", 20, parked);
      for (const each of others) expect(await each.cancel()).not.toBe("ended");
      await backend.pass(200);
      end();
      // Each of the four would keep the place for as long as a call may go unheard.
      expect(await passUntil(last.result({ timeout: 3 * defaults.limits.reservation }))).toBe(5);
      for (const each of old) await expect(passUntil(each.result(patience))).rejects.toThrow(/expired|waited|old/);
      expect(ran).toEqual([0, 5]);
    });

    it("has a limit for each key", async () => {
      const two = job({ concurrencyLimit: { limit: 2, key: (input: unknown) => (input as { key: string }).key } });
      const crowd = new Crowd();
      await work([two], { job: (input: { key: string; n: number }) => crowd.work(input) });
      const sent = await createActorClient<Job>(broker, two).sendMany([...jobs(10, "ada"), ...jobs(10, "bob")]);
      await Promise.all(sent.map((message) => message.result(patience)));
      expect(crowd.most).toBe(2);
      expect(crowd.order.length).toBe(20);
    });

    it("gives its place back when it fails, and waits in line again with each retry", async () => {
      const mutex = job({ concurrencyLimit: 1, maxRetries: 1 });
      const crowd = new Crowd();
      await work([mutex], {
        job: async (input: { key: string; n: number }, { message }: Task) => {
          await crowd.work(input);
          if (message.attempt === 1) throw new Error("once");
          return input.n;
        },
      });
      const sent = await createActorClient<Job>(broker, mutex).sendMany(jobs(5));
      const answers = Promise.all(sent.map((message) => message.result(patience)));
      expect(await passUntil(answers)).toEqual([0, 1, 2, 3, 4]);
      expect(crowd.most).toBe(1);
      expect(crowd.order.length).toBe(10);
    });

    it("starts no more within a time than its rate allows, and all of them in the end", async () => {
      const limited = job({ rateLimit: { limit: 2, per: 400 } });
      const starts: number[] = [];
      const now = () => backend.clock?.now() ?? performance.now();
      await work([limited], {
        job: ({ n }: { n: number }) => {
          starts.push(now());
          return n;
        },
      });
      const began = now();
      const sent = await createActorClient<Job>(broker, limited).sendMany(jobs(7));
      const answers = Promise.all(sent.map((message) => message.result(patience)));
      expect(await passUntil(answers)).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(starts.length).toBe(7);
      // A start is stamped by the store, and however late it is in the handler: it is there after as many times as went by.
      for (const [i, at] of starts.entries()) expect(at - began).toBeGreaterThan(400 * Math.floor(i / 2) - 2);
    });

    it("goes on when a worker dies that held a slot, after the slot's own lease", async () => {
      const mutex = job({ concurrencyLimit: { limit: 1, lease: "1s" } });
      const doomed = backend.connectBriefly();
      let held = 0;
      const handlers = { job: () => (held++, new Promise(() => undefined)) };
      const dying = await work([mutex], handlers, { shutdownTimeout: 1 }, doomed);
      const [first] = await createActorClient<Job>(broker, mutex).sendMany(jobs(3));
      await eventually("a holder", () => held === 1);
      await doomed.close();
      await passUntil(dying.stop());
      await work([mutex], { job: ({ n }: { n: number }) => n });
      const answer = first?.result(patience) ?? Promise.reject(new Error("nothing was sent"));
      expect(await passUntil(answer)).toBe(0);
    });

    it.each([
      ["throws", () => expect.unreachable("no key")],
      ["returned undefined", () => undefined as never],
      ["returned NaN", () => Number.NaN],
      ["returned a promise", () => Promise.resolve("k") as never],
    ])("is dead where the function of its key %s", async (what, key) => {
      const keyed = job({ rateLimit: { limit: 2, per: "1m", key } });
      await work([keyed], { job: () => expect.unreachable("it has no key") });
      const answer = createActorClient<Job>(broker, keyed).call({ key: "k", n: 1 }, patience);
      const error: unknown = await answer.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RemoteFailureError);
      expect(error).toMatchObject({ reason: "invalid-key", attempts: 0, remote: { name: "InvalidKeyError" } });
      const shown = what === "throws" ? "threw" : what;
      expect(String(error)).toContain(
        `test.job: the "key" of its "rateLimit" must return a string or a finite number; it ${shown}`,
      );
    });

    it("is put back without counting an attempt where its handler meets a limiter that has no room", async () => {
      const plain = job({ maxRetries: 0 });
      const attempts: number[] = [];
      await work([plain], {
        job: ({ n }: { n: number }, { message }: Task) => {
          attempts.push(message.attempt);
          if (attempts.length < 3) throw new RateLimitedError("vendor", 20);
          return n;
        },
      });
      const answer = createActorClient<Job>(broker, plain).call({ key: "k", n: 4 }, patience);
      expect(await passUntil(answer)).toBe(4);
      expect(attempts).toEqual([1, 1, 1]);
    });

    it("is let go when its limits are taken off its contract while it waits", async () => {
      const rare = job({ rateLimit: { limit: 1, per: "1h" } });
      const old = await work([rare], { job: ({ n }: { n: number }) => n });
      const sent = await createActorClient<Job>(broker, rare).sendMany(jobs(5));
      await Promise.race(sent.map((message) => message.result(patience)));
      const store = broker.state?.limits;
      await eventually("four to be parked", async () => {
        const asked = await store?.acquire(
          { name: rare.name, rate: { limit: 1, per: 1, kind: "window" }, reservation: 1 },
          { token: randomUUID(), rateKey: "" },
        );
        return asked?.kind === "refused";
      });
      await old.stop();
      await work([job({})], { job: ({ n }: { n: number }) => n });
      const answers = Promise.all(sent.map((message) => message.result(patience)));
      expect(await passUntil(answers)).toEqual([0, 1, 2, 3, 4]);
    });

    it("is known no more, and what waits for its limits comes back and is dead as that of an unknown actor", async () => {
      const rare = job({ rateLimit: { limit: 1, per: "1h" } });
      const old = await work([rare], { job: ({ n }: { n: number }) => n });
      const sent = await createActorClient<Job>(broker, rare).sendMany(jobs(4));
      await eventually("three to be parked", async () => (await broker.state?.limits.parked(rare.name)) === 3);
      await old.stop();
      const { patience: usual } = defaults.limits;
      Reflect.set(defaults.limits, "patience", 0);
      onTestFinished(() => void Reflect.set(defaults.limits, "patience", usual));
      const renamed = testActor<{ input: { key: string; n: number }; output: number }>("renamed", schemas);
      await work([renamed], { renamed: ({ n }: { n: number }) => n }, { unknownActorGrace: 500 });
      const answers = Promise.allSettled(sent.map((message) => message.result(patience)));
      const reasons = (await passUntil(answers)).flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
      expect(reasons).toEqual(Array.from({ length: 3 }, () => expect.objectContaining({ reason: "unknown-actor" })));
      await eventually("three letters", async () => (await broker.deadLetters.list("default")).length === 3);
      expect(await broker.state?.limits.parked(rare.name)).toBe(0);
    });
  });
}
