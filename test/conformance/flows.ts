/** Pipelines and groups, from `send` to the end, on any broker that keeps flows. */
import {
  actor,
  BrokerUnavailableError,
  CancelledError,
  DoNotRetry,
  FlowFailedError,
  InvalidInputError,
  ResultTimeoutError,
  type ActorOptions,
  type Signature,
} from "callboard";
import {
  createActorClient,
  defineActor,
  group,
  pipeline,
  type Actor,
  type ActorClient,
  type ClientOptions,
  type FlowPart,
  type Pipeline,
  type SentFlow,
} from "callboard/client";
import { createWorker, use, type Middleware, type Task, type Worker, type WorkerOptions } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker, DeadLetter, Publication } from "../../runtime/seams/broker.js";
import { decodeEnvelope, encodeEnvelope } from "../../runtime/wire/envelope.js";
import { createSeal } from "../../runtime/wire/seal.js";
import { TestLogger, testActor } from "../support/actors.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually } from "../support/eventually.js";
import { instead } from "../support/instead.js";
import { flowsOf } from "./flow-store.js";
import type { Backend, BrokerHarness } from "./harness.js";

const number = z.number();

const actors = {
  start: testActor<{ input: { a: number; b: number }; output: number }>("start", {
    input: z.object({ a: number, b: number }),
    output: number,
  }),
  plus: testActor<{ input: number; output: number }>("plus", { input: number, output: number }),
  twice: testActor<{ input: number; output: number }>("twice", { input: number, output: number, queue: "other" }),
  total: testActor<{ input: number[]; output: number }>("total", { input: z.array(number), output: number }),
  text: testActor<{ input: unknown; output: string }>("text", { input: z.json(), output: z.string() }),
  note: testActor<{ input: unknown }>("note", { input: z.json() }),
  fail: testActor<{ input: number; output: number }>("fail", { input: number, output: number, maxRetries: 1 }),
};
type Actors = typeof actors;
type Clients = { readonly [Name in keyof Actors]: ActorClient<Actors[Name]> };

/** An actor whose input and output travel tagged. */
function testTagged<S extends Signature>(name: string, options: ActorOptions): Actor<S> {
  const identity = { name: `test.${name}`, fingerprint: "00000000", taggedInput: true, taggedOutput: true } as const;
  return defineActor<S>(actor(options), identity);
}

const patience = { timeout: "60s" } as const;

/** Whether results reach other processes than the one that sent. */
interface Traits {
  readonly sharesResults: boolean;
}

export function describeFlows(name: string, harness: BrokerHarness, { sharesResults }: Traits): void {
  describe(`${name}: pipelines and groups`, () => {
    let backend: Backend;
    let broker: Broker;
    let logger: TestLogger;
    const workers: Worker[] = [];
    /** What ran, in order. */
    let ran: string[];
    /** What some handlers do instead of what they do otherwise. */
    let acts: Partial<Record<keyof Actors, (input: never, task: Task) => unknown>>;

    beforeEach(async () => {
      backend = await harness.open();
      broker = backend.connect();
      logger = new TestLogger();
      ran = [];
      acts = {};
    });
    afterEach(async () => {
      const stopped = Promise.all(workers.splice(0).map((worker) => worker.stop()));
      if (backend.clock !== undefined) await backend.pass(60_000);
      await stopped;
      await backend.close();
    });

    const usual: Readonly<Record<keyof Actors, (input: never, task: Task) => unknown>> = {
      start: ({ a, b }: { a: number; b: number }) => a + b,
      plus: (n: number) => n + 1,
      twice: (n: number) => n * 2,
      total: (all: number[]) => all.reduce((sum, n) => sum + n, 0),
      text: (value: unknown) => JSON.stringify(value),
      note: () => undefined,
      fail: (n: number) => {
        throw new DoNotRetry(`not ${n}`);
      },
    };

    async function work(
      options: WorkerOptions = {},
      only: readonly (keyof Actors)[] = names(actors),
      through = backend.connect(),
    ): Promise<Worker> {
      const served = Object.fromEntries(only.map((name) => [name, actors[name]]));
      const handlers = Object.fromEntries(
        only.map((name) => [
          name,
          (input: never, task: Task) => {
            ran.push(name);
            return (acts[name] ?? usual[name])(input, task);
          },
        ]),
      );
      const parts = { random: () => 1, ...(backend.clock === undefined ? {} : { clock: backend.clock }) };
      const given = { logger, ...options };
      const worker = createWorker(through, { test: served }, { test: handlers }, given, parts);
      workers.push(worker);
      await worker.start();
      return worker;
    }

    const clients = (through = broker, options: ClientOptions = {}): Clients =>
      Object.fromEntries(
        names(actors).map((name) => [name, createActorClient<Actor>(through, actors[name], options)]),
      ) as unknown as Clients;

    /** Lets time pass until something is through. */
    async function passing<T>(promise: Promise<T>): Promise<T> {
      let settled = false;
      const end = () => void (settled = true);
      promise.then(end, end);
      for (let i = 0; i < 1000 && !settled; i++) await backend.pass(20);
      return promise;
    }
    const run = async <T>(flow: Pipeline<unknown, T>) => passing((await flow.send()).result(patience));

    /** Sends a flow, and answers what it fails with. */
    async function failing(sent: SentFlow<unknown>): Promise<FlowFailedError> {
      const error: unknown = await passing(sent.result(patience).catch((reason: unknown) => reason));
      if (error instanceof FlowFailedError) return error;
      throw new Error(`it did not fail: ${String(error)}`);
    }

    async function deadLetters(count = 1): Promise<readonly DeadLetter[]> {
      await eventually(`${count} dead letters`, async () => {
        await backend.pass(10);
        return (await broker.deadLetters.list("default")).length >= count;
      });
      return broker.deadLetters.list("default");
    }

    const times = (what: string) => ran.filter((each) => each === what).length;

    it("gives what comes of a step to the next one", async () => {
      await work();
      const { start, plus, twice } = clients();
      const sent = await pipeline(start.message({ a: 1, b: 2 }), plus, twice).send();
      expect(await passing(sent.result(patience))).toBe(8);
      expect(ran).toEqual(["start", "plus", "twice"]);
      // Each step is a message of its own, with a result of its own.
      if (sharesResults) expect(await plus.handle(`${sent.id}.1`).result(patience)).toBe(4);
    });

    it("flattens pipelines in pipelines, and lets a message with an input of its own wait for what comes before", async () => {
      await work();
      const { start, plus, twice, note } = clients();
      const inner = pipeline(plus, plus);
      expect(await run(pipeline(pipeline(start.message({ a: 1, b: 2 }), inner), inner, twice))).toBe(14);
      ran = [];
      expect(await run(pipeline(note.message("first"), plus.message(1), twice))).toBe(4);
      expect(ran).toEqual(["note", "plus", "twice"]);
      expect(await run(pipeline(plus.message(1), note))).toBeUndefined();
    });

    it("gives each member of a group what came before, and the list of what comes of them to the next step", async () => {
      await work();
      const { plus, twice, total, text, note } = clients();
      expect(await run(pipeline(plus.message(1), group([plus, twice, pipeline(twice, plus)]), total))).toBe(12);
      const nested = pipeline(plus.message(1), group([plus, group([twice, note, group([plus])])]), text);
      expect(await run(nested)).toBe("[3,[4,null,[3]]]");
      expect(await run(pipeline(group([plus.message(1), plus.message(2)]), group([total, text]), text))).toBe(
        '[5,"[2,3]"]',
      );
    });

    it("runs the members of a group side by side", async () => {
      const waiting: (() => void)[] = [];
      acts.plus = (n: number) =>
        new Promise<number>((resolve) => {
          waiting.push(() => resolve(n + 1));
          // None of them ends before all have begun.
          if (waiting.length === 5) for (const go of waiting) go();
        });
      await work();
      const { plus } = clients();
      const sent = await group([1, 2, 3, 4, 5].map((n) => plus.message(n))).send();
      expect(await passing(sent.result(patience))).toEqual([2, 3, 4, 5, 6]);
    });

    it("answers the members' outputs as they come, each with its place", async () => {
      let release!: () => void;
      const held = new Promise<void>((resolve) => (release = resolve));
      acts.plus = async (n: number) => {
        if (n === 1) await held;
        return n + 1;
      };
      await work();
      const { plus, twice, note } = clients();
      const sent = await group([
        plus.message(1),
        note.message("x"),
        group([twice.message(1), pipeline(plus.message(5), twice)]),
      ]).send();
      const seen: [index: number, output: unknown][] = [];
      const reading = (async () => {
        for await (const each of sent.results(patience)) {
          seen.push([each.index, each.output]);
          if (seen.length === 2) release();
        }
      })();
      await passing(reading);
      expect(new Map(seen.slice(0, 2))).toEqual(
        new Map<number, unknown>([
          [1, null],
          [2, [2, 12]],
        ]),
      );
      expect(seen.slice(2)).toEqual([[0, 2]]);
      const again: unknown[] = [];
      for await (const { output } of sent.results(patience)) again.push(output);
      expect(again).toHaveLength(3);
    });

    it("says that it is not through when the time is over", async () => {
      const { plus } = clients();
      const sent = await group([plus.message(1)]).send();
      const late = sent.result({ timeout: 50 }).catch((error: unknown) => error);
      expect(await passing(late)).toBeInstanceOf(ResultTimeoutError);
      expect(String(await late)).toContain(`no result of the flow ${sent.id} after 50 ms; it is not through`);
      const none = (async () => {
        for await (const { output } of sent.results({ timeout: 50 })) throw new Error(`there is ${output}`);
      })();
      expect(await passing(none.catch((error: unknown) => error))).toBeInstanceOf(ResultTimeoutError);
    });

    it("holds back what is to wait: the whole, its first message, a later one", async () => {
      await work();
      const { plus, twice } = clients();
      const delayed = pipeline(plus.message(1, { delay: 300 }), twice.with({ delay: 300 }));
      for (const [options, least] of [
        [{}, 300],
        [{ delay: 500 }, 500],
        [{ delay: 10 }, 300],
      ] as const) {
        ran = [];
        const sent = await delayed.send(options);
        await backend.pass(least - 100);
        expect(ran).toEqual([]);
        await eventually("the first step", async () => {
          await backend.pass(20);
          return ran.length > 0;
        });
        await backend.pass(100);
        expect(ran).toEqual(["plus"]);
        expect(await passing(sent.result(patience))).toBe(4);
      }
    });

    it("fails as soon as a step is dead, and names it; what comes after is never sent", async () => {
      await work();
      const { plus, fail, twice } = clients();
      const sent = await pipeline(plus.message(1), group([plus, pipeline(plus, fail, plus)]), twice.message(1)).send();
      const error = await failing(sent);
      expect(error.step).toEqual({
        place: "step 2, member 2, step 2",
        actor: "test.fail",
        id: expect.stringMatching(sent.id),
      });
      expect(error).toMatchObject({
        reason: "do-not-retry",
        remote: { name: "DoNotRetry", message: "not 3" },
        attempts: 1,
      });
      expect(error.message).toBe(
        `The flow ${sent.id} failed at step 2, member 2, step 2 (test.fail): do-not-retry, 1 attempt: DoNotRetry: not 3`,
      );
      const [letter] = await deadLetters();
      expect(letter?.id).toBe(error.step?.id);
      await backend.pass(100);
      expect(times("twice")).toBe(0);
    });

    it("counts retries to the step, and goes on when one succeeds", async () => {
      acts.fail = (n: number, { message }: Task) => {
        if (message.attempt === 1) throw new Error("not yet");
        return n;
      };
      await work();
      const { fail, plus } = clients();
      expect(await run(pipeline(fail.message(1), plus))).toBe(2);
      expect(times("fail")).toBe(2);
    });

    it("goes on where it stopped when a dead step is replayed", async () => {
      await work();
      const { plus, fail, total, note } = clients();
      const members = [fail.message(5), plus.message(1)] as const;
      const sent = await pipeline(group(members, { onComplete: note.message("all") }), total).send();
      await failing(sent);
      const [letter] = await deadLetters();
      await eventually("the other member", async () => (await backend.pass(20), times("plus") === 1));
      expect(times("note")).toBe(0);
      acts.fail = (n: number) => n;
      expect(await broker.deadLetters.replay("default", letter?.id ?? "")).toBe(true);
      await eventually("the end", async () => (await backend.pass(20), times("total") + times("note") === 2));
      if (sharesResults) {
        await eventually("the new result", async () => (await sent.result(patience).catch(() => undefined)) === 7);
      }
    });

    it("collects how every member ended, where it is told to", async () => {
      await work();
      const { plus, fail, text } = clients();
      const members = [plus.message(1), pipeline(fail.message(1), plus), group([fail.message(2)])] as const;
      const sent = await group(members, { whenFailed: "collect" }).send();
      const outcomes = await passing(sent.result(patience));
      const reason = { name: "DoNotRetry", reason: "do-not-retry", attempts: 1, actor: "test.fail" };
      expect(outcomes).toEqual([
        { status: "fulfilled", value: 2 },
        { status: "rejected", reason: { ...reason, message: "not 1" } },
        { status: "rejected", reason: { ...reason, message: "not 2" } },
      ]);
      const streamed: unknown[] = [];
      for await (const { index, output } of sent.results(patience)) streamed[index] = output;
      expect(streamed).toEqual(outcomes);
      const next = pipeline(group([fail.message(3)], { whenFailed: "collect" }), text);
      expect(JSON.parse(await run(next))).toEqual([{ status: "rejected", reason: { ...reason, message: "not 3" } }]);
    });

    it("sends the message for a group's completion once, after all members, and fails by none of it", async () => {
      await work();
      const { plus, fail, note, twice } = clients();
      const onComplete = note.message("done");
      const all = group([plus.message(1), pipeline(plus.message(2), twice)], { onComplete });
      await passing((await all.send()).result(patience));
      await eventually("its completion", async () => (await backend.pass(20), times("note") === 1));
      expect(ran.indexOf("note")).toBe(3);
      acts.note = () => {
        throw new DoNotRetry("no");
      };
      const failed = group([fail.message(1)], { whenFailed: "collect", onComplete });
      expect(await passing((await failed.send()).result(patience))).toMatchObject([{ status: "rejected" }]);
      await deadLetters(2);
    });

    it("does nothing twice when a worker died after it had recorded the end of a step", async () => {
      const { plus, twice, note } = clients();
      const consumer = new TestConsumer(broker, "default");
      const sent = await pipeline(
        group([plus.message(1)], { onComplete: note.message("once") }),
        twice.message(4),
      ).send();
      const held = await consumer.next();
      const { flow } = decodeEnvelope(held.body);
      if (flow === undefined) throw new Error("it has no flow");
      // As a worker does that is killed before it has handed on what follows.
      expect(await flowsOf(broker).begin(flow)).toEqual({ kind: "run" });
      await flowsOf(broker).done(flow, JSON.stringify({ node: flow.node, encoding: "tagged", output: 2 }));
      await held.release();
      await consumer.consumer.close();
      await work();
      expect(await passing(sent.result(patience))).toBe(8);
      await eventually("its completion", async () => (await backend.pass(20), times("note") === 1));
      expect(ran.sort()).toEqual(["note", "twice"]);
    });

    it("runs each step once, however often its message is there", async () => {
      const bodies: Publication[] = [];
      const copying = instead(broker, {
        publish: async (messages: readonly Publication[]) => {
          bodies.push(...messages);
          await broker.publish([...messages, ...messages, ...messages]);
        },
      });
      const { plus, total, note } = clients(copying);
      await work({ concurrency: 1 });
      const members = [1, 2, 3].map((n) => plus.message(n));
      const sent = await pipeline(group(members, { onComplete: note.message("all") }), total).send();
      expect(await passing(sent.result(patience))).toBe(9);
      await eventually("its completion", async () => (await backend.pass(20), times("note") === 1));
      await backend.pass(100);
      expect([times("plus"), times("total"), times("note")]).toEqual([3, 1, 1]);
      expect(bodies).toHaveLength(3);
    });

    it("hands on what follows once where nobody knows whether it arrived", async () => {
      const other = backend.connect();
      let lost = 0;
      const away = instead(other, {
        publish: async (messages: readonly Publication[]) => {
          await other.publish(messages);
          lost++;
          throw new BrokerUnavailableError("the connection is lost");
        },
      });
      const { plus, twice, total } = clients();
      await work({}, names(actors), away);
      const sent = await pipeline(plus.message(1), group([plus, twice]), total).send();
      expect(await passing(sent.result(patience))).toBe(7);
      await backend.pass(100);
      expect(ran.toSorted()).toEqual(["plus", "plus", "total", "twice"]);
      expect(lost).toBeGreaterThanOrEqual(2);
    });

    it("ends a step as a dead letter whose flow is forgotten, and its group never completes", async () => {
      const { plus, total } = clients();
      const sent = await pipeline(group([plus.message(1), plus.message(2)]), total).send({ ttl: 200 });
      await backend.pass(300);
      await work();
      const letters = await deadLetters(2);
      expect(letters.map(({ reason }) => reason)).toEqual(["flow-expired", "flow-expired"]);
      expect(letters[0]?.error.message).toContain(`The flow ${sent.id} is no longer known`);
      expect((await failing(sent)).reason).toBe("flow-expired");
      expect(ran).toEqual([]);
    });

    it("is kept while a step of it is held back, tried again late, or waits for a limit: longer than its own time", async () => {
      const single = testActor<{ input: number; output: number }>("single", {
        ...{ input: number, output: number, concurrencyLimit: { limit: 1 }, minBackoff: 1600, maxBackoff: 1600 },
      });
      let end!: () => void;
      const held = new Promise<void>((resolve) => (end = resolve));
      const handlers = {
        plus: (n: number) => n + 1,
        single: async (n: number, { message }: Task) => {
          if (n === 0) await held;
          else if (message.attempt === 1) throw new Error("not yet");
          return n;
        },
      };
      const { plus } = clients();
      const client = createActorClient(broker, single);
      const blocking = await client.send(0);
      const parts = { random: () => 1, ...(backend.clock === undefined ? {} : { clock: backend.clock }) };
      const served = { test: { plus: actors.plus, single } };
      const worker = createWorker(backend.connect(), served, { test: handlers }, { logger }, parts);
      workers.push(worker);
      await worker.start();
      await eventually("the limit to be reached", async () => (await backend.pass(20), worker.running === 1));
      const sent = await pipeline(plus.message(1), plus.with({ delay: 1600 }), client, plus).send({ ttl: 1500 });
      const parked = async () => (await broker.state?.limits.parked("test.single")) === 1;
      await eventually("the third step to be parked", async () => (await backend.pass(20), parked()));
      await backend.pass(1600);
      end();
      expect(await passing(blocking.result(patience))).toBe(0);
      expect(await passing(sent.result(patience))).toBe(4);
    });

    it("fails when no worker knows the actor of a step", async () => {
      await work({ unknownActorGrace: 0 }, ["plus"]);
      const { plus, total } = clients();
      const error = await failing(await pipeline(plus.message(1), group([plus]), total).send());
      expect(error).toMatchObject({ reason: "unknown-actor", step: { place: "step 3", actor: "test.total" } });
    });

    it("fails where an output cannot be given on, and where the next step cannot take it", async () => {
      acts.text = () => "x".repeat(900_000);
      await work();
      const { text, note, total, plus } = clients();
      const large = group([text.message(1), text.message(2)]);
      const error = await failing(await pipeline(large, note).send());
      expect(error).toMatchObject({ reason: "invalid-output", step: { actor: "test.text" } });
      expect(error.remote.message).toContain("it cannot be given on: test.note: the message has");
      const [letter] = await deadLetters();
      expect(letter).toMatchObject({ actor: "test.text", reason: "invalid-output" });
      const unfit = plus as unknown as FlowPart<unknown, number[]>;
      expect(await failing(await pipeline(plus.message(1), unfit, total).send())).toMatchObject({
        reason: "invalid-input",
        step: { place: "step 3", actor: "test.total" },
      });
    });

    it("checks every message before anything is sent", async () => {
      await work();
      const { plus, start } = clients();
      const wrong = start.message({ a: 1, b: "2" as unknown as number });
      const sending = group([plus.message(1), pipeline(plus.message(2), wrong)]).send();
      await expect(sending).rejects.toThrow(InvalidInputError);
      await expect(sending).rejects.toThrow("test.start: the input does not fit the contract: member 2, step 2.b:");
      await backend.pass(100);
      expect(ran).toEqual([]);
    });

    it("carries dates, bigints and what transforms make of an output from step to step, sealed where it is sealed", async () => {
      const moment = z.object({ at: z.date(), n: z.bigint() });
      type Moment = z.infer<typeof moment>;
      const made = testTagged<{ input: string; output: Moment }>("made", { input: z.string(), output: moment });
      const later = testTagged<{ input: Moment; output: Moment }>("later", { input: moment, output: moment });
      const parsed = testActor<{ input: string; output: Date; returned: string }>("parsed", {
        input: z.string(),
        output: z.string().transform((text) => new Date(text)),
      });
      const both = z.tuple([moment, z.date()]);
      const joined = testTagged<{ input: z.infer<typeof both>; output: bigint }>("joined", {
        input: both,
        output: z.bigint(),
      });
      const handlers = {
        made: (text: string) => ({ at: new Date(text), n: 10n ** 20n }),
        later: ({ at, n }: Moment) => ({ at: new Date(at.getTime() + 1), n: n + 1n }),
        parsed: (text: string) => text,
        joined: ([{ at, n }, date]: z.infer<typeof both>) => n + BigInt(at.getTime() - date.getTime()),
      };
      const key = Buffer.alloc(32, 7).toString("base64");
      const seal = createSeal({ current: "k", keys: { k: key }, required: true });
      const parts = backend.clock === undefined ? {} : { clock: backend.clock };
      for (const options of [{}, { seal }]) {
        const worker = createWorker(
          backend.connect(),
          { test: { made, later, parsed, joined } },
          { test: handlers },
          { logger, ...options },
          parts,
        );
        await worker.start();
        const text = "2026-01-02T03:04:05.678Z";
        const client = <A extends Actor>(actor: A) => createActorClient<A>(broker, actor, options);
        const flow = pipeline(
          group([pipeline(client(made).message(text), client(later)), client(parsed).message(text)]),
          client(joined),
        );
        expect(await run(flow)).toBe(10n ** 20n + 2n);
        const sent = await group([client(made).message(text), group([client(parsed).message(text)])]).send();
        const date = new Date(text);
        expect(await passing(sent.result(patience))).toEqual([{ at: date, n: 10n ** 20n }, [date]]);
        const streamed: unknown[] = [];
        for await (const { index, output } of sent.results(patience)) streamed[index] = output;
        expect(streamed).toEqual([{ at: date, n: 10n ** 20n }, [date]]);
        const stopping = worker.stop();
        if (backend.clock !== undefined) await backend.pass(1000);
        await stopping;
      }
    });

    it("hands on headers, and keeps to what is said of a step", async () => {
      const seen: unknown[] = [];
      acts.twice = (_: never, { message }: Task) => {
        seen.push(message.headers, message.maxAttempts);
        return 1;
      };
      await work();
      const { plus, twice } = clients();
      const first = plus.message(1, { headers: { tenant: "a", trace: "t" } });
      await run(pipeline(first, plus, twice.with({ headers: { tenant: "b" }, maxRetries: 2 })));
      expect(seen).toEqual([{ tenant: "b", trace: "t" }, 3]);
    });

    it("shows the producer's middleware each message whose input is known", async () => {
      await work();
      const seen: string[] = [];
      const { plus, note, twice } = clients(broker, {
        middleware: [
          async (message, next) => {
            seen.push(message.actor.name);
            await next({ ...message, headers: { ...message.headers, by: "middleware" } });
          },
        ],
      });
      let headers: unknown;
      acts.twice = (n: number, { message }: Task) => {
        headers = message.headers;
        return n;
      };
      await passing(
        (await group([pipeline(plus.message(1), twice)], { onComplete: note.message(1) }).send()).result(patience),
      );
      expect(seen.sort()).toEqual(["test.note", "test.plus"]);
      expect(headers).toEqual({ by: "middleware" });
    });

    it("can be cancelled: what waits never runs, what runs is told to end, and nothing follows", async () => {
      let aborted: unknown;
      acts.plus = (_: never, { signal }: Task) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            aborted = signal.reason;
            resolve(0);
          });
        });
      await work({ concurrency: 1 }, ["plus"]);
      const { plus, twice, total } = clients();
      const sent = await pipeline(group([plus.message(1), twice.message(2), twice.message(3)]), total).send();
      await eventually("the first member", async () => (await backend.pass(20), times("plus") === 1));
      expect(await sent.cancel()).toBe("cancelling");
      const error: unknown = await passing(sent.result(patience).catch((reason: unknown) => reason));
      expect(error).toBeInstanceOf(CancelledError);
      await eventually("the signal", async () => (await backend.pass(20), aborted instanceof CancelledError));
      await work();
      await backend.pass(100);
      expect(ran).toEqual(["plus"]);
      expect(await pipeline(plus.message(1)).handle("none").cancel()).toBe("ended");
    });

    it("is told as cancelled where a step's result is there and what follows is not", async () => {
      let record!: () => void;
      const held = new Promise<void>((resolve) => (record = resolve));
      let stored = false;
      const hold: Middleware = async (_, next) => {
        const outcome = await next();
        stored = true;
        await held;
        return outcome;
      };
      await work({ middleware: [use(hold, { before: "results" })] });
      const { plus, twice } = clients();
      const sent = await pipeline(plus.message(1), twice).send();
      await eventually("the first step's result", async () => (await backend.pass(20), stored));
      expect(await sent.cancel()).not.toBe("ended");
      expect(await sent.cancel()).not.toBe("ended");
      record();
      const error: unknown = await passing(sent.result(patience).catch((reason: unknown) => reason));
      expect(error).toBeInstanceOf(CancelledError);
      await backend.pass(100);
      expect(ran).toEqual(["plus"]);
    });

    it("has ended when it failed: cancelling it does nothing, and a replay goes on", async () => {
      await work();
      const { plus, fail } = clients();
      const sent = await pipeline(fail.message(1), plus).send();
      await failing(sent);
      const [letter] = await deadLetters();
      expect(await sent.cancel()).toBe("ended");
      await failing(sent);
      acts.fail = (n: number) => n;
      expect(await broker.deadLetters.replay("default", letter?.id ?? "")).toBe(true);
      await eventually("the end", async () => (await backend.pass(20), times("plus") === 1));
    });

    it("is told as cancelled where it failed and another step of it is cancelled", async () => {
      await work({}, ["fail"]);
      const { twice, fail } = clients();
      const sent = await group([fail.message(1), twice.message(1)]).send();
      await failing(sent);
      expect(await sent.cancel()).not.toBe("ended");
      if (sharesResults) await expect(sent.result(patience)).rejects.toThrow(CancelledError);
      await work();
      await backend.pass(100);
      expect(ran).toEqual(["fail"]);
    });

    it("goes on when its producer is gone, and is answered to whoever has the id", async () => {
      const producer = backend.connect();
      const composed = ({ plus, twice }: Clients) => pipeline(plus.message(1), group([plus, twice]));
      const { id } = await composed(clients(producer)).send();
      await producer.close();
      await work();
      if (sharesResults) expect(await passing(composed(clients()).handle(id).result(patience))).toEqual([3, 4]);
      else
        await expect(composed(clients()).handle(id).result(patience)).rejects.toThrow(/only the process that sent it/);
      await eventually("both members", async () => (await backend.pass(20), ran.length === 3));
    });

    it("spreads what follows over a queue's partitions by the next actor's key", async () => {
      const keyed = testActor<{ input: number; output: string }>("keyed", {
        ...{ input: number, output: z.string(), queue: "work", partitions: 2 },
        partitionKey: (n) => String(n),
      });
      const handlers = { plus: (n: number) => n + 1, keyed: (_: number, { message }: Task) => message.queue };
      const parts = backend.clock === undefined ? {} : { clock: backend.clock };
      const worker = createWorker(
        backend.connect(),
        { test: { plus: actors.plus, keyed } },
        { test: handlers },
        { logger },
        parts,
      );
      workers.push(worker);
      await worker.start();
      const client = createActorClient(broker, keyed);
      const direct = await passing(client.call(2, patience));
      const { plus } = clients();
      expect(await run(pipeline(group([1, 1, 1].map((n) => plus.message(n)))))).toEqual([2, 2, 2]);
      const flow = pipeline(group([1, 1, 1].map((n) => pipeline(plus.message(n), client))));
      expect(await run(flow)).toEqual([direct, direct, direct]);
    });

    it("grows with the number of its steps, not with its square, and its messages do not grow at all", async () => {
      const sizes: { readonly flow: number; readonly message: number }[] = [];
      for (const count of [10, 100]) {
        let flow = 0;
        let message = 0;
        const store = instead(flowsOf(broker), {
          create: async (_, init) => void (flow = JSON.stringify(init.nodes).length),
        });
        const weighing = instead(broker, {
          ...(broker.state !== undefined && { state: instead(broker.state, { flows: store }) }),
          publish: async ([first]: readonly Publication[]) => void (message = first?.body.length ?? 0),
        });
        const { plus } = clients(weighing);
        await pipeline(plus.message(1), ...Array.from({ length: count - 1 }, () => plus)).send();
        sizes.push({ flow, message });
      }
      const [ten, hundred] = sizes;
      expect(hundred?.message).toBe(ten?.message);
      expect((hundred?.flow ?? 0) / (ten?.flow ?? 1)).toBeLessThan(12);
    });
  });
}

/** What a broker says that has no store for flows. */
export function describeNoFlows(name: string, harness: BrokerHarness): void {
  describe(`${name}: pipelines and groups without a store`, () => {
    it("are refused where they are composed, and a step that comes all the same is a dead letter", async () => {
      const backend = await harness.open();
      const broker = backend.connect();
      const client = createActorClient(broker, actors.plus);
      expect(() => pipeline(client.message(1), client)).toThrow(/has no store for pipelines and groups: give it one/);
      expect(() => group([client.message(1)])).toThrow(/has no store for pipelines and groups/);
      const worker = createWorker(
        backend.connect(),
        { test: { plus: actors.plus } },
        { test: { plus: (n: number) => n } },
        { logger: new TestLogger() },
      );
      await worker.start();
      const flow = { id: "0", node: 0, copy: 1 };
      const init = { id: "0.0", actor: "test.plus", v: actors.plus.fingerprint, at: 0, flow, inputJson: "1" };
      await broker.publish([{ id: "0.0", queue: "default", priority: 5, delay: 0, body: encodeEnvelope(init) }]);
      await eventually("a dead letter", async () => (await broker.deadLetters.list("default")).length === 1);
      const [letter] = await broker.deadLetters.list("default");
      expect(letter).toMatchObject({ id: "0.0", reason: "flow-unsupported", attempts: 0 });
      expect(letter?.error.message).toContain("no store for the flow of this message");
      await worker.stop();
      await backend.close();
    });
  });
}

function names<T extends object>(of: T): readonly (keyof T)[] {
  return Object.keys(of) as (keyof T)[];
}
