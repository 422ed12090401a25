/** However a step of a flow ends, the flow ends with it at once: no way of ending leaves anybody waiting. */
import { CancelledError, DoNotRetry, FlowFailedError, type ActorOptions } from "callboard";
import {
  createActorClient,
  group,
  pipeline,
  type Actor,
  type ActorClient,
  type FlowPart,
  type Group,
  type SentFlow,
} from "callboard/client";
import { use, type Middleware, type ProgressTask, type WorkerOptions } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker, Publication } from "../../runtime/seams/broker.js";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { reissue } from "../../runtime/wire/envelope.js";
import { createId } from "../../runtime/wire/id.js";
import { createSeal } from "../../runtime/wire/seal.js";
import { testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";
import { instead } from "../support/instead.js";
import { flowsOf } from "./flow-store.js";
import type { BrokerHarness } from "./harness.js";
import { failure, Workshop } from "./workshop.js";

type Numbers = Actor<{ input: number; output: number }>;
type Handler = (n: number, task: ProgressTask<never>) => unknown;

const number = z.number();
const numbers = (name: string, options: Partial<ActorOptions> = {}): Numbers =>
  testActor(name, { input: number, output: number, ...options });

const plus = numbers("plus");
const all = testActor<{ input: unknown; output: string }>("all", { input: z.json(), output: z.string() });
const patience = { timeout: "60s" } as const;
const seal = createSeal({ current: "k", keys: { k: Buffer.alloc(32, 7).toString("base64") } });

/** A way in which the step `odd` ends. */
interface Way {
  readonly how: string;
  readonly reason: string;
  readonly options?: Partial<ActorOptions>;
  readonly handler?: Handler;
  readonly worker?: WorkerOptions;
  /** What becomes of each message on its way to the broker. */
  readonly onTheWay?: (message: Publication) => Publication;
  /** The worker has no such actor. */
  readonly unknown?: true;
  /** The messages have to wait so many milliseconds for a worker. */
  readonly late?: number;
}

const fail: Handler = () => {
  throw new Error("it never works");
};
const deadAtOnce: Middleware = (task, next) =>
  task.actor.name === "test.odd"
    ? { kind: "dead", reason: "do-not-retry", error: { name: "Closed", message: "not today" }, attempts: 0 }
    : next();
const never: Middleware = async (task, next) => {
  const outcome = await next();
  if (outcome.kind !== "retry") return outcome;
  return { kind: "dead", reason: "do-not-retry", error: outcome.error, attempts: task.message.attempt };
};
const broken: Middleware = (task, next) => {
  if (task.actor.name === "test.odd") throw new DoNotRetry("the middleware is broken");
  return next();
};
const crashed = (message: Publication): Publication => ({
  ...message,
  body: message.body.includes("test.odd")
    ? reissue(message.body, { crashes: defaults.broker.maxCrashes + 1 })
    : message.body,
});
const spoilt = (message: Publication): Publication => ({
  ...message,
  body: message.body.includes("test.odd") ? message.body.replace(/"input":\d+/, '"input":"no number"') : message.body,
});

const ways: readonly Way[] = [
  {
    how: "its handler gives up",
    reason: "do-not-retry",
    handler: () => {
      throw new DoNotRetry("no");
    },
  },
  { how: "its retries are exhausted", reason: "retries-exhausted", options: { maxRetries: 1 }, handler: fail },
  {
    how: "it takes too long",
    reason: "retries-exhausted",
    options: { maxRetries: 0, timeLimit: 50 },
    handler: (_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
  },
  { how: "its output does not fit", reason: "invalid-output", handler: () => "no number" },
  { how: "its input does not fit", reason: "invalid-input", onTheWay: spoilt },
  { how: "it has waited too long", reason: "expired", options: { maxAge: 100 }, late: 400 },
  { how: "nobody knows its actor", reason: "unknown-actor", unknown: true, worker: { unknownActorGrace: 0 } },
  { how: "its workers died with it", reason: "crash-loop", onTheWay: crashed },
  {
    how: "the key of its limit is none",
    reason: "invalid-key",
    options: { concurrencyLimit: { limit: 1, key: () => Number.NaN } },
  },
  {
    how: "a middleware around all others throws",
    reason: "do-not-retry",
    worker: { middleware: [use(broken, { before: "flows" })] },
  },
  {
    how: "a middleware around all others ends it",
    reason: "do-not-retry",
    worker: { middleware: [use(deadAtOnce, { before: "flows" })] },
  },
  {
    how: "a middleware around all others has it dead instead of tried again",
    reason: "do-not-retry",
    handler: fail,
    worker: { middleware: [use(never, { before: "flows" })] },
  },
  {
    how: "a middleware around its result has it dead instead of tried again",
    reason: "do-not-retry",
    handler: fail,
    worker: { middleware: [use(never, { before: "results" })] },
  },
];

/** Whether results reach other processes than the one that sent. */
interface Traits {
  readonly sharesResults: boolean;
}

export function describeFlowEnds(name: string, harness: BrokerHarness, { sharesResults }: Traits): void {
  describe(`${name}: how a step of a flow ends`, () => {
    let shop: Workshop;
    let broker: Broker;
    beforeEach(async () => {
      shop = await Workshop.open(harness);
      ({ broker } = shop);
    });
    afterEach(() => shop.close());

    /** Lets time pass until something is through. */
    async function passing<T>(promise: Promise<T>): Promise<T> {
      let settled = false;
      const end = () => void (settled = true);
      promise.then(end, end);
      await eventually("it to be through", async () => {
        await shop.backend.pass(20);
        return settled;
      });
      return promise;
    }

    async function failing(sent: SentFlow<unknown>): Promise<FlowFailedError> {
      const error = await passing(failure(sent.result(patience)));
      if (error instanceof FlowFailedError) return error;
      throw new Error(`it did not fail: ${String(error)}`);
    }

    describe.each(ways)("$how", (way) => {
      const odd = numbers("odd", way.options);

      function clients() {
        const { onTheWay } = way;
        const publish = async (messages: readonly Publication[]) =>
          broker.publish(messages.map(onTheWay ?? ((m) => m)));
        const through = onTheWay === undefined ? broker : instead(broker, { publish });
        const client = <A extends Actor>(actor: A): ActorClient<A> => createActorClient(through, actor);
        return { odd: client(odd), plus: client(plus), all: client(all) };
      }

      async function work() {
        if (way.late !== undefined) await shop.backend.pass(way.late);
        const handlers = {
          plus: (n: number) => n + 1,
          odd: way.handler ?? ((n: number) => n),
          all: (value: unknown) => JSON.stringify(value),
        };
        const served = way.unknown === true ? [plus, all] : [plus, all, odd];
        await shop.work(served, handlers, way.worker);
      }

      it("fails the pipeline and names the step, and so does a group", async () => {
        const { odd, plus } = clients();
        const alone = await pipeline(odd.message(1), plus).send();
        const member = await group([plus.message(1), pipeline(odd.message(2), plus)]).send();
        await work();
        expect(await failing(alone)).toMatchObject({
          reason: way.reason,
          step: { place: "step 1", actor: "test.odd" },
        });
        expect(await failing(member)).toMatchObject({ reason: way.reason, step: { place: "member 2, step 1" } });
      });

      it("is told of in the list of a group that collects, and what follows the group begins", async () => {
        const { odd, plus, all } = clients();
        const members = [odd.message(1), pipeline(odd.message(2), plus)] as const;
        const sent = await pipeline(group(members, { whenFailed: "collect" }), all).send();
        await work();
        const outcomes = JSON.parse(await passing(sent.result(patience)));
        expect(outcomes).toMatchObject(members.map(() => ({ status: "rejected", reason: { reason: way.reason } })));
      });
    });

    describe("it is cancelled by its own handle", () => {
      const later = numbers("later", { queue: "later" });
      const single = numbers("single", { concurrencyLimit: { limit: 1 } });
      const silent = testActor<{ input: number }>("silent", { input: number });
      const client = <A extends Actor>(actor: A, at = broker): ActorClient<A> => createActorClient(at, actor);
      const step = <A extends Actor>(sent: SentFlow<unknown>, node: number, actor: A, at = broker) =>
        createActorClient<Actor>(at, actor).handle(`${sent.id}.${node}`);
      const plain: Record<string, Handler> = { plus: (n) => n + 1, later: (n) => n, single: (n) => n, silent: () => 0 };

      it("while it waits, here and in another process: no worker is needed for the flow to end", async () => {
        const first = await pipeline(client(plus).message(1), client(plus)).send();
        expect(await step(first, 0, plus).cancel()).not.toBe("ended");
        const error = await failing(first);
        expect(error).toMatchObject({ reason: "cancelled", remote: { name: "CancelledError" } });
        expect(error.step).toEqual({ place: "step 1", actor: "test.plus", id: `${first.id}.0` });
        const second = await group([client(silent).message(1), client(plus).message(1)]).send();
        const waiting = failing(second);
        expect(await step(second, 0, silent, shop.backend.connect()).cancel()).not.toBe("ended");
        expect(await waiting).toMatchObject({ reason: "cancelled", step: { place: "member 1" } });
        const ran: number[] = [];
        await shop.work([plus, silent], { plus: (n: number) => ran.push(n), silent: () => ran.push(0) });
        await shop.cancelled(2);
        await eventually("the other member", async () => (await shop.backend.pass(20), ran.length === 1));
        expect(await step(first, 0, plus).cancel()).not.toBe("ended");
      });

      it("while it is held back, and before it has its turn", async () => {
        const held = await pipeline(client(plus).message(1, { delay: "1h" }), client(plus)).send();
        expect(await step(held, 0, plus).cancel()).not.toBe("ended");
        expect(await failing(held)).toMatchObject({ reason: "cancelled", step: { place: "step 1" } });
        const early = await pipeline(client(plus).message(1), client(later), client(plus)).send();
        expect(await step(early, 1, later).cancel()).not.toBe("ended");
        expect(await failing(early)).toMatchObject({
          reason: "cancelled",
          step: { place: "step 2", actor: "test.later" },
        });
        const ran: string[] = [];
        const noting = (name: string) => (n: number) => (ran.push(name), n);
        await shop.work([plus, later], { plus: noting("plus"), later: noting("later") });
        // Its turn comes, and it is dropped.
        await shop.cancelled();
        expect(ran).toEqual(["plus"]);
      });

      it("while it runs: its handler is told, and what it returns is given to nobody", async () => {
        let running = 0;
        const untilTold: Handler = (n, { signal }) =>
          new Promise((resolve) => {
            running++;
            signal.addEventListener("abort", () => resolve(n));
          });
        const ran: number[] = [];
        await shop.work([plus, later], { later: untilTold, plus: (n: number) => (ran.push(n), n) });
        const sent = await pipeline(client(later).message(1), client(plus)).send();
        await eventually("the first step", async () => (await shop.backend.pass(20), running === 1));
        expect(await step(sent, 0, later).cancel()).toBe("cancelling");
        expect(await failing(sent)).toMatchObject({ reason: "cancelled", step: { actor: "test.later" } });
        await shop.cancelled();
        expect(ran).toEqual([]);
      });

      it("while it waits for a limit", async () => {
        let end = (): void => undefined;
        const hold: Handler = (n) => new Promise((resolve) => (end = () => resolve(n)));
        await shop.work([single, plus], { ...plain, single: hold });
        const blocking = await client(single).send(1);
        await shop.pastWaits("the first", 20, () => shop.workers[0]?.running === 1);
        const sent = await pipeline(client(single).message(2), client(plus)).send();
        await shop.pastWaits(
          "the second to be parked",
          20,
          async () => (await broker.state?.limits.parked("test.single")) === 1,
        );
        expect(await step(sent, 0, single).cancel()).not.toBe("ended");
        expect(await failing(sent)).toMatchObject({ reason: "cancelled" });
        end();
        expect(await passing(blocking.result(patience))).toBe(1);
      });

      it("as a member of a group that collects: the list says so, and what follows begins", async () => {
        const members = [client(plus).message(1), pipeline(client(later).message(1), client(plus))] as const;
        const composed: Group<unknown, readonly unknown[]> = group(members, { whenFailed: "collect" });
        const sent = await pipeline(composed as FlowPart<unknown, readonly unknown[]>, client(all)).send();
        const streaming = await composed.send();
        const texts = passing(sent.result(patience));
        await shop.work([plus, all], { ...plain, all: (value: unknown) => JSON.stringify(value) });
        for (const each of [sent, streaming]) expect(await step(each, 1, later).cancel()).not.toBe("ended");
        const reason = { name: "CancelledError", reason: "cancelled", attempts: 0, actor: "test.later" };
        const expected = [
          { status: "fulfilled", value: 2 },
          { status: "rejected", reason: expect.objectContaining(reason) },
        ];
        expect(JSON.parse(await texts)).toEqual(expected);
        const streamed: unknown[] = [];
        await passing(
          (async () => {
            for await (const { index, output } of streaming.results(patience)) streamed[index] = output;
          })(),
        );
        expect(streamed).toEqual(expected);
      });

      it("before its time, in a flow that is forgotten when that comes: it is no dead letter", async () => {
        await shop.work([plus], plain);
        // The flow is kept for the delay, whatever that is, and no longer than its ttl once it is through.
        const members = [client(plus).message(1), client(plus).message(2, { delay: 4000 })] as const;
        const sent = await group(members, { whenFailed: "collect" }).send({ ttl: 100 });
        expect(await step(sent, 1, plus).cancel()).not.toBe("ended");
        expect(await passing(sent.result(patience))).toMatchObject([{ value: 2 }, { status: "rejected" }]);
        await shop.pastWaits("it to be met", 20, () => shop.met === 1);
        expect(await broker.deadLetters.list("default")).toEqual([]);
      });

      it("too late: it has ended, and the flow goes on", async () => {
        const sent = await pipeline(client(plus).message(1), client(later)).send();
        await shop.work([plus, later], plain, { queues: ["default"] });
        const ended = async () => (await flowsOf(broker).begin({ id: sent.id, node: 0, copy: 1 })).kind === "ended";
        await shop.pastWaits("the first step", 20, ended);
        expect(await step(sent, 0, plus).cancel()).toBe("ended");
        await shop.work([plus, later], plain, { queues: ["later"] });
        expect(await passing(sent.result(patience))).toBe(2);
      });

      it("where the whole was cancelled, or the message is that of no flow", async () => {
        const sent = await pipeline(client(plus).message(1), client(plus)).send();
        expect(await sent.cancel()).not.toBe("ended");
        expect(await step(sent, 0, plus).cancel()).not.toBe("ended");
        expect(await failure(sent.result(patience))).toBeInstanceOf(CancelledError);
        const own = await client(plus).send(1, { id: `${createId()}.7` });
        expect(await own.cancel()).not.toBe("ended");
        if (sharesResults) expect(await failure(own.result(patience))).toBeInstanceOf(CancelledError);
        const nowhere = await pipeline(client(plus).message(1)).send();
        expect(await step(nowhere, 99, plus).cancel()).not.toBe("ended");
        await shop.work([plus], plain);
        expect(await passing(nowhere.result(patience))).toBe(2);
      });
    });

    it("fails where its worker cannot open it, also in a group that collects: nothing can be given on", async () => {
      const sealed = {
        plus: createActorClient<Numbers>(broker, plus, { seal }),
        all: createActorClient<typeof all>(broker, all, { seal }),
      };
      const alone = await pipeline(sealed.plus.message(1), sealed.plus).send();
      const members = [sealed.plus.message(1), sealed.plus.message(2)] as const;
      const collecting = await pipeline(group(members, { whenFailed: "collect" }), sealed.all).send();
      await shop.work([plus, all], { plus: (n: number) => n, all: (value: unknown) => JSON.stringify(value) });
      for (const sent of [alone, collecting]) expect(await failing(sent)).toMatchObject({ reason: "unsealable" });
    });

    it("gives way to no other message, however unique its actor is", async () => {
      const keyed = numbers("keyed", { unique: { key: () => "one", mode: "replace", for: "1h" } });
      const keyedClient = createActorClient(broker, keyed);
      const plusClient = createActorClient(broker, plus);
      const before = await keyedClient.send(1);
      const sent = await group([pipeline(keyedClient.message(5), plusClient), keyedClient.message(7)]).send();
      const after = await keyedClient.send(3);
      await shop.work([keyed, plus], { keyed: (n: number) => n, plus: (n: number) => n + 1 });
      expect(await passing(sent.result(patience))).toEqual([6, 7]);
      expect(await passing(after.result(patience))).toBe(3);
      expect(before.id).not.toBe(after.id);
    });
  });
}
