/** What a message meets on its whole way, from `send` to its end, on any broker. */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as wait } from "node:timers/promises";
import {
  DoNotRetry,
  InvalidInputError,
  MessageTooLargeError,
  RemoteFailureError,
  ResultTimeoutError,
  RetryLater,
} from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import type { Task } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker, DeadLetter } from "../../runtime/seams/broker.js";
import { createId } from "../../runtime/wire/id.js";
import { testActor, type TestLogger } from "../support/actors.js";
import { eventually, turn } from "../support/eventually.js";
import type { Backend, BrokerHarness } from "./harness.js";
import { Workshop } from "./workshop.js";

type Sum = Actor<{ input: { a: number; b: number }; output: number }>;
const sum: Sum = testActor("sum", { input: z.object({ a: z.number(), b: z.number() }), output: z.number() });
const note = testActor<{ input: string }>("note", { input: z.string() });
const patience = { timeout: "25s" } as const;

export function describeWorker(name: string, harness: BrokerHarness): void {
  describe(`${name}: a worker`, () => {
    let shop: Workshop;
    let backend: Backend;
    let broker: Broker;
    let logger: TestLogger;

    beforeEach(async () => {
      shop = await Workshop.open(harness);
      ({ backend, broker, logger } = shop);
    });
    afterEach(() => shop.close());

    const work = (...args: Parameters<Workshop["work"]>) => shop.work(...args);

    /** The dead letters of the default queue, once there are as many as expected. */
    async function deadLetters(count = 1): Promise<readonly DeadLetter[]> {
      await eventually(`${count} dead letters`, async () => (await broker.deadLetters.list("default")).length >= count);
      return broker.deadLetters.list("default");
    }

    /** Lets retries happen: moves the clock where it stands still. */
    async function retriesPass(): Promise<void> {
      if (backend.clock !== undefined) await backend.pass(1000);
    }

    const client = () => createActorClient<Sum>(broker, sum);

    it("answers a call", async () => {
      await work([sum], { sum: ({ a, b }: { a: number; b: number }) => a + b });
      expect(await client().call({ a: 1, b: 2 }, patience)).toBe(3);
    });

    it("handles messages on nobody's behalf, also where it was started on somebody's", async () => {
      const request = new AsyncLocalStorage<string>();
      const seen: (string | undefined)[] = [];
      await request.run("a request", () => work([note], { note: () => void seen.push(request.getStore()) }));
      const notes = createActorClient<typeof note>(broker, note);
      for (const count of [1, 2, 3]) {
        await notes.send("a note");
        await eventually("the note", () => seen.length === count);
      }
      expect(seen).toEqual([undefined, undefined, undefined]);
    });

    it("answers a message that was sent before any worker was there", async () => {
      const message = await client().send({ a: 20, b: 3 });
      const answer = message.result(patience);
      await work([sum], { sum: async ({ a, b }: { a: number; b: number }) => a + b });
      expect(await answer).toBe(23);
    });

    it("answers many messages, each with its own result", async () => {
      await work([sum], { sum: ({ a, b }: { a: number; b: number }) => a + b });
      const messages = await client().sendMany(Array.from({ length: 300 }, (_, i) => ({ a: i, b: 1 })));
      expect(new Set(messages.map(({ id }) => id)).size).toBe(300);
      const answers = await Promise.all(messages.map((message) => message.result(patience)));
      expect(answers).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    });

    it("takes from every partition of a queue, and starts the messages of each key in their order", async () => {
      type Step = Actor<{ input: { key: string; step: number } }>;
      const step: Step = testActor("step", {
        input: z.object({ key: z.string(), step: z.number() }),
        queue: "parted",
        partitions: 4,
        partitionKey: (input) => (input as { key: string }).key,
        maxRetries: 0,
      });
      const keys = Array.from({ length: 20 }, (_, i) => `user-${i}`);
      const sent = await createActorClient<Step>(broker, step).sendMany(
        keys.flatMap((_, i) => keys.map((key) => ({ key, step: i }))),
      );
      expect([...new Set(sent.map(({ queue }) => queue))].sort()).toEqual([
        "parted.0",
        "parted.1",
        "parted.2",
        "parted.3",
      ]);
      const started = new Map(keys.map((key): [string, number[]] => [key, []]));
      const worker = await work([step], {
        step: (input: { key: string; step: number }) => {
          started.get(input.key)?.push(input.step);
          if (input.key === "user-0" && input.step === 0) throw new Error("no");
        },
      });
      expect(worker.queues).toEqual(["parted"]);
      const total = () => [...started.values()].reduce((sum, { length }) => sum + length, 0);
      await eventually("all messages", () => total() === sent.length);
      for (const steps of started.values()) expect(steps).toEqual(keys.map((_, i) => i));
      const home = sent[0]?.queue ?? "";
      await eventually("the dead letter", async () => (await broker.deadLetters.list(home)).length === 1);
    });

    it("takes inputs that are no objects, and applies defaults and transforms once, in the worker", async () => {
      type Loud = Actor<{ input: string; output: number; received: string; returned: string }>;
      const loud: Loud = testActor("loud", {
        input: z.string().transform((text) => `${text}!`),
        output: z.string().transform((text) => text.length),
      });
      const seen: string[] = [];
      await work([loud], { loud: (text: string) => (seen.push(text), text) });
      expect(await createActorClient<Loud>(broker, loud).call("hello", patience)).toBe(6);
      expect(seen).toEqual(["hello!"]);
    });

    it("carries Date, bigint, Map, Set and bytes both ways", async () => {
      const schema = z.object({
        date: z.date(),
        big: z.bigint(),
        map: z.map(z.string(), z.set(z.number())),
        bytes: z.instanceof(Uint8Array),
        $key: z.string(),
      });
      type Value = z.infer<typeof schema>;
      type Echo = Actor<{ input: Value; output: Value }>;
      const plain = testActor<{ input: Value; output: Value }>("echo", { input: schema, output: schema });
      const echo: Echo = {
        ...plain,
        input: { ...plain.input, tagged: true },
        output: { ...plain.input, tagged: true },
      };
      const seen: Value[] = [];
      await work([echo], { echo: (value: Value) => (seen.push(value), value) });
      const value: Value = {
        date: new Date(1),
        big: 12345678901234567890n,
        map: new Map([["a", new Set([1, 2])]]),
        bytes: new Uint8Array([0, 255]),
        $key: "a user's own",
      };
      expect(await createActorClient<Echo>(broker, echo).call(value, patience)).toEqual(value);
      expect(seen).toEqual([value]);
    });

    it("refuses an invalid input in the producer, and sends nothing", async () => {
      const refused = client().send({ a: 1, b: "two" as never });
      await expect(refused).rejects.toThrow(InvalidInputError);
      await expect(refused).rejects.toThrow(/test\.sum.*b: .*expected number/);
      await expect(client().sendMany([{ a: 1, b: 1 }, { a: 1 } as never])).rejects.toThrow(InvalidInputError);
      const deep = JSON.parse("[".repeat(80) + "]".repeat(80)) as never;
      const anything: Actor<{ input: unknown; output: number }> = testActor("sum", {
        input: z.any(),
        output: z.number(),
      });
      await expect(createActorClient<typeof anything>(broker, anything).send(deep)).rejects.toThrow(/deeper than 63/);
      const hostile = JSON.parse('{"__proto__":1}') as never;
      await expect(createActorClient<typeof anything>(broker, anything).send(hostile)).rejects.toThrow(/__proto__/);
      const large = createActorClient<typeof note>(broker, note).send("x".repeat(1024 * 1024));
      await expect(large).rejects.toThrow(MessageTooLargeError);
      const seen: unknown[] = [];
      await work([sum, note], {
        sum: (input: unknown) => seen.push(input),
        note: (input: unknown) => seen.push(input),
      });
      await backend.pass(harness.times.soon);
      expect(seen).toEqual([]);
    });

    it("dead-letters what it cannot read or does not know, one message at a time, and goes on", async () => {
      const seen: unknown[] = [];
      const options = { concurrency: 2, unknownActorGrace: 0 };
      await work([note], { note: (input: unknown) => seen.push(input) }, options);
      const envelope = (changes: object) =>
        JSON.stringify({ id: createId(), actor: "test.note", v: "0", at: 1, input: "x", ...changes });
      const bad = [
        ["undecodable", "no JSON {"],
        ["undecodable", "[]"],
        ["undecodable", '{"id":"1"}'],
        ["undecodable", envelope({ attempt: -1 })],
        ["undecodable", `{"id":"1","actor":"test.note","v":"0","at":1,"input":${"[".repeat(100)}${"]".repeat(100)}}`],
        ["undecodable", '{"id":"1","actor":"test.note","v":"0","at":1,"input":{"__proto__":{"admin":true}}}'],
        ["undecodable", '{"id":"1","actor":"test.note","v":"0","at":1,"input":{"\\u005f_proto__":{"admin":true}}}'],
        ["undecodable", envelope({ input: "x".repeat(1024 * 1024 + 65 * 1024) })],
        ["undecodable", envelope({ encoding: "from the future" })],
        ["undecodable", envelope({ encoding: "tagged", input: { $unheard: 1 } })],
        ["unknown-actor", envelope({ actor: "test.forgotten" })],
        ["invalid-input", envelope({ input: 5, v: "ffffffff" })],
      ] as const;
      for (const [, body] of bad) await backend.inject("default", body);
      for (let i = 0; i < 5; i++) await backend.inject("default", envelope({ input: `good ${i}` }));
      await eventually("the good messages", () => seen.length === 5);
      const dead = await deadLetters(bad.length);
      const reasons = new Map(dead.map(({ body, reason }) => [body, reason]));
      for (const [reason, body] of bad)
        expect([body.slice(0, 100), reasons.get(body)]).toEqual([body.slice(0, 100), reason]);
      expect(dead.find(({ reason }) => reason === "invalid-input")?.error.message).toMatch(/ffffffff.*00000000/);
      expect(({} as { admin?: boolean }).admin).toBeUndefined();
    });

    it("tells the caller of an actor that the worker does not know", async () => {
      const forgotten: Sum = testActor("forgotten", { input: z.unknown(), output: z.number() });
      await work([sum], { sum: () => 0 }, { unknownActorGrace: 0 });
      const call = createActorClient<Sum>(broker, forgotten).call({ a: 1, b: 2 }, patience);
      await expect(call).rejects.toMatchObject({ reason: "unknown-actor", attempts: 0 });
      const message = await createActorClient<Sum>(broker, forgotten).send({ a: 1, b: 2 });
      await expect(message.result(patience)).rejects.toMatchObject({ reason: "unknown-actor" });
    });

    it("puts a message for an actor that it does not know back for a worker that does, and counts no attempt", async () => {
      const later: Sum = testActor("later", { input: z.unknown(), output: z.number() });
      const older = await work([sum], { sum: () => 0 });
      const message = await createActorClient<Sum>(broker, later).send({ a: 1, b: 2 });
      await eventually("the first worker to meet it", () => logger.messages("warn").length > 0);
      // It would meet it again and again, by chance.
      await older.stop();
      const attempts: number[] = [];
      await work([later], {
        later: (_: unknown, { message: { attempt } }: Task) => {
          attempts.push(attempt);
          return 3;
        },
      });
      const answer = message.result(patience);
      await eventually("the attempt", async () => {
        await retriesPass();
        return attempts.length > 0;
      });
      expect(await answer).toBe(3);
      expect(attempts).toEqual([1]);
    });

    it("gives a message for an unknown actor up when its time is over", async () => {
      const never: Sum = testActor("never", { input: z.unknown(), output: z.number() });
      await work([sum], { sum: () => 0 }, { unknownActorGrace: 600 });
      const message = await createActorClient<Sum>(broker, never).send({ a: 1, b: 2 });
      const answer = message.result(patience);
      answer.catch(() => undefined);
      await retriesPass();
      await expect(answer).rejects.toMatchObject({ reason: "unknown-actor", attempts: 0 });
      expect(await deadLetters(1)).toMatchObject([{ reason: "unknown-actor", attempts: 0 }]);
    });

    it("tries a failed message again, with the same id and input", async () => {
      const attempts: [string, number][] = [];
      await work([sum], {
        sum: ({ a, b }: { a: number; b: number }, { message }: Task) => {
          attempts.push([message.id, message.attempt]);
          if (attempts.length < 3) throw new Error("flaky");
          return a + b;
        },
      });
      const message = await client().send({ a: 1, b: 2 });
      const answer = message.result(patience);
      await eventually("the first attempt", () => attempts.length > 0);
      await retriesPass();
      expect(await answer).toBe(3);
      expect(attempts).toEqual([1, 2, 3].map((attempt) => [message.id, attempt]));
      expect(logger.messages("warn")).toHaveLength(2);
    });

    it("keeps fields that it does not know, and numbers that JavaScript would round, through a retry", async () => {
      await work([note], {
        note: () => {
          throw new Error("always");
        },
      });
      const input = '{"big":12345678901234567890,"future":[1.0]}';
      const any = testActor("note", { input: z.unknown(), maxRetries: 1 });
      await shop.workers.pop()?.stop();
      await work([any], { note: () => Promise.reject(new Error("always")) });
      await backend.inject("default", `{"id":"1","actor":"test.note","v":"0","at":1,"later":{"x":1},"input":${input}}`);
      await eventually("the first attempt", () => logger.messages("warn").length > 0);
      await retriesPass();
      const [letter] = await deadLetters();
      expect(letter?.body).toContain(`"input":${input}`);
      expect(letter?.body).toContain('"later":{"x":1}');
      expect(letter).toMatchObject({ attempts: 2, reason: "retries-exhausted" });
    });

    it("dead-letters a message whose retries are exhausted, and tells its caller the original error", async () => {
      class GatewayError extends Error {
        override readonly name = "GatewayError";
      }
      const failing: Sum = testActor("sum", { input: z.unknown(), output: z.number(), maxRetries: 2 });
      let attempts = 0;
      await work([failing], {
        sum: () => {
          attempts++;
          throw new GatewayError("gateway down");
        },
      });
      const call = createActorClient<Sum>(broker, failing).call({ a: 1, b: 2 }, patience);
      const failure = call.catch((error: unknown) => error);
      await eventually("the first attempt", () => attempts > 0);
      await retriesPass();
      expect(await failure).toBeInstanceOf(RemoteFailureError);
      expect(await failure).toMatchObject({
        actor: "test.sum",
        reason: "retries-exhausted",
        attempts: 3,
        remote: { name: "GatewayError", message: "gateway down" },
      });
      const [letter] = await deadLetters();
      expect(letter).toMatchObject({ actor: "test.sum", attempts: 3, error: { name: "GatewayError" } });
      expect(letter?.error.stack).toContain("gateway down");
    });

    it("does not retry what says so", async () => {
      let attempts = 0;
      await work([sum], {
        sum: () => {
          attempts++;
          throw new DoNotRetry("card declined");
        },
      });
      await expect(client().call({ a: 1, b: 2 }, patience)).rejects.toMatchObject({
        reason: "do-not-retry",
        attempts: 1,
        remote: { name: "DoNotRetry", message: "card declined" },
      });
      await deadLetters();
      expect(attempts).toBe(1);
    });

    it("retries a message of the largest size, though it has grown by its attempt", async () => {
      const largest = testActor<{ input: string; output: number }>("largest", {
        input: z.string(),
        output: z.number(),
      });
      let runs = 0;
      await work([largest], {
        largest: (text: string) => {
          if (++runs === 1) throw new Error("once");
          return text.length;
        },
      });
      const input = "x".repeat(1024 * 1024 - 300);
      const call = createActorClient<typeof largest>(broker, largest).call(input, patience);
      await eventually("the first attempt", () => runs === 1);
      await retriesPass();
      expect(await call).toBe(input.length);
    });

    it("tells the caller of an output that JSON refuses, and of an error that is none", async () => {
      const odd = testActor<{ input: string; output: unknown }>("odd", {
        input: z.string(),
        output: z.any(),
        maxRetries: 0,
      });
      const circle: { self?: unknown } = {};
      circle.self = circle;
      const thrown: Record<string, unknown> = {
        nothing: undefined,
        bare: Object.create(null),
        stackless: Object.assign(new Error("without a stack"), { stack: null }),
        endless: new Error("x".repeat(100_000)),
      };
      await work([odd], {
        odd: (name: string) => {
          if (name === "circle") return circle;
          if (name === "empty") return undefined;
          throw thrown[name];
        },
      });
      const call = (name: string) => createActorClient<typeof odd>(broker, odd).call(name, patience);
      await expect(call("circle")).rejects.toMatchObject({ reason: "invalid-output" });
      await expect(call("nothing")).rejects.toMatchObject({ remote: { name: "Error", message: "undefined" } });
      await expect(call("bare")).rejects.toMatchObject({ reason: "retries-exhausted" });
      await expect(call("stackless")).rejects.toMatchObject({ remote: { message: "without a stack" } });
      expect(
        ((await call("endless").catch((error: unknown) => error)) as RemoteFailureError).remote.message,
      ).toHaveLength(4096);
      expect(await call("empty")).toBeUndefined();
    });

    it("gives back what it took ahead of a handler that turns out to be slow", async () => {
      const job = testActor<{ input: string; output: string }>("job", { input: z.string(), output: z.string() });
      let finish: (() => void) | undefined;
      const handlers = {
        job: (name: string) =>
          name === "slow" ? new Promise((resolve) => (finish = () => resolve(name))) : Promise.resolve(name),
      };
      const jobs = createActorClient<typeof job>(broker, job);
      await work([job], handlers, { concurrency: 1 });
      const quick = await jobs.sendMany(Array.from({ length: 200 }, () => "quick"));
      await Promise.all(quick.map((message) => message.result(patience)));
      const [slow, ...behind] = await jobs.sendMany(["slow", "a", "b"]);
      await eventually("the slow one", () => finish !== undefined);
      await work([job], handlers, { concurrency: 1 });
      const answers = await Promise.all(behind.map((message) => message.result(patience)));
      expect(answers).toEqual(["a", "b"]);
      finish?.();
      expect(await slow?.result(patience)).toBe("slow");
    });

    it("serves its queues in turn, also with one slot", async () => {
      const seen: string[] = [];
      const left = testActor<{ input: number }>("left", { input: z.number(), queue: "left" });
      const right = testActor<{ input: number }>("right", { input: z.number(), queue: "right" });
      const numbers = Array.from({ length: 40 }, (_, i) => i);
      await createActorClient<typeof left>(broker, left).sendMany(numbers);
      await createActorClient<typeof right>(broker, right).sendMany(numbers);
      const slowly = (name: string) => async () => {
        seen.push(name);
        await wait(12);
      };
      await work([left, right], { left: slowly("left"), right: slowly("right") }, { concurrency: 1 });
      await eventually("some of both", () => seen.length >= 30);
      expect(seen.slice(0, 30).filter((name) => name === "left").length).toBeGreaterThan(5);
      expect(seen.slice(0, 30).filter((name) => name === "right").length).toBeGreaterThan(5);
    });

    it("waits as long as RetryLater says", async () => {
      const times: number[] = [];
      const slow: Sum = testActor("sum", {
        input: z.unknown(),
        output: z.number(),
        minBackoff: "1h",
        maxBackoff: "1h",
      });
      await work([slow], {
        sum: () => {
          times.push(backend.clock?.now() ?? Date.now());
          if (times.length === 1) throw new RetryLater(300);
          return 1;
        },
      });
      const call = createActorClient<Sum>(broker, slow).call({ a: 1, b: 2 }, patience);
      await eventually("the first attempt", () => times.length === 1);
      if (backend.clock !== undefined) await backend.pass(300);
      expect(await call).toBe(1);
      const [first = 0, second = 0] = times;
      // The broker's clock decides, the worker's is read: they may differ by a millisecond.
      expect(second - first).toBeGreaterThanOrEqual(299);
    });

    it("dead-letters a message whose handler answers what the contract does not allow", async () => {
      await work([sum], { sum: () => "three" });
      await expect(client().call({ a: 1, b: 2 }, patience)).rejects.toMatchObject({
        reason: "invalid-output",
        remote: { name: "InvalidOutputError" },
      });
    });

    it("aborts an attempt that is over its time limit, and counts it as failed", async () => {
      const limited: Sum = testActor("sum", { input: z.unknown(), output: z.number(), timeLimit: 50, maxRetries: 0 });
      const reasons: unknown[] = [];
      await work([limited], {
        sum: (_: unknown, { signal }: Task) =>
          new Promise(() => signal.addEventListener("abort", () => reasons.push(signal.reason))),
      });
      const call = createActorClient<Sum>(broker, limited).call({ a: 1, b: 2 }, patience);
      const failure = call.catch((error: unknown) => error);
      if (backend.clock !== undefined) await backend.pass(50);
      expect(await failure).toMatchObject({ reason: "retries-exhausted", remote: { name: "TimeLimitError" } });
      expect(reasons).toMatchObject([{ code: "TIME_LIMIT" }]);
    });

    it("names actor, id and state when there is no answer in time", async () => {
      const message = await client().send({ a: 1, b: 2 });
      const early = message.result({ timeout: 50 }).catch((error: unknown) => error);
      await backend.pass(50);
      expect(await early).toBeInstanceOf(ResultTimeoutError);
      expect(await early).toMatchObject({ actor: "test.sum", id: message.id, pending: { state: "pending" } });

      const failing: Sum = testActor("sum", {
        input: z.unknown(),
        output: z.number(),
        minBackoff: "1h",
        maxBackoff: "1h",
      });
      await work([failing], { sum: () => Promise.reject(new Error("not today")) });
      await eventually("the first attempt", () => logger.messages("warn").length > 0);
      const late = message.result({ timeout: 50 }).catch((error: unknown) => error);
      await backend.pass(50);
      expect(await late).toMatchObject({ pending: { state: "retrying", attempt: 1 } });
      expect(String(await late)).toContain(message.id);
      expect(String(await late)).toContain("not today");
    });

    it("holds to its concurrency", async () => {
      let running = 0;
      let most = 0;
      await work(
        [sum],
        {
          sum: async () => {
            most = Math.max(most, ++running);
            await turn();
            running--;
            return 0;
          },
        },
        { concurrency: 3 },
      );
      const messages = await client().sendMany(Array.from({ length: 60 }, () => ({ a: 1, b: 1 })));
      await Promise.all(messages.map((message) => message.result(patience)));
      expect(most).toBe(3);
    });

    it("takes only the queues that it is told to, and needs only their handlers", async () => {
      const other = testActor<{ input: string }>("other", { input: z.string(), queue: "other" });
      const seen: string[] = [];
      await work([note, other], { other: (text: string) => seen.push(text) }, { queues: ["other"] });
      await createActorClient<typeof note>(broker, note).send("not for me");
      await createActorClient<typeof other>(broker, other).send("for me");
      await eventually("its message", () => seen.length > 0);
      await backend.pass(harness.times.soon);
      expect(seen).toEqual(["for me"]);
    });

    it("lets running handlers finish at shutdown", async () => {
      let finish: (value: number) => void = () => undefined;
      let started = false;
      const worker = await work([sum], {
        sum: () => {
          started = true;
          return new Promise<number>((resolve) => (finish = resolve));
        },
      });
      const call = client().call({ a: 1, b: 2 }, patience);
      await eventually("the handler", () => started);
      const stopped = worker.stop();
      expect(worker.state).toBe("stopping");
      finish(7);
      expect(await call).toBe(7);
      await stopped;
      expect(worker.state).toBe("stopped");
    });

    it("gives back what does not finish in time, and counts no attempt", async () => {
      const attempts: number[] = [];
      const reasons: unknown[] = [];
      const stuck = (_: unknown, { message, signal }: Task) => {
        attempts.push(message.attempt);
        return new Promise<number>(() => signal.addEventListener("abort", () => reasons.push(signal.reason)));
      };
      const worker = await work([sum], { sum: stuck }, { concurrency: 2, shutdownTimeout: 20 });
      const messages = await client().sendMany(Array.from({ length: 5 }, () => ({ a: 1, b: 1 })));
      await eventually("the handlers", () => attempts.length === 2);
      const stopped = worker.stop();
      if (backend.clock !== undefined) await backend.pass(10_000);
      await stopped;
      expect(reasons).toMatchObject([{ code: "SHUTDOWN" }, { code: "SHUTDOWN" }]);

      attempts.length = 0;
      await work([sum], {
        sum: (_: unknown, { message }: Task) => {
          attempts.push(message.attempt);
          return 1;
        },
      });
      await Promise.all(messages.map((message) => message.result(patience)));
      expect(attempts).toEqual([1, 1, 1, 1, 1]);
      expect(await broker.deadLetters.list("default")).toEqual([]);
    });

    it("aborts a handler whose message is in other hands, and lets the other one answer", async () => {
      const reasons: unknown[] = [];
      let runs = 0;
      await work([sum], {
        sum: (_: unknown, { signal }: Task) => {
          if (++runs > 1) return 2;
          return new Promise((_resolve, reject) =>
            signal.addEventListener("abort", () => {
              reasons.push(signal.reason);
              reject(signal.reason as Error);
            }),
          );
        },
      });
      // Sent before the leases end: on some brokers they end with the connections.
      const message = await client().send({ a: 1, b: 2 });
      const answer = message.result(patience);
      await eventually("the first run", () => runs === 1);
      await backend.endLeases("default");
      expect(await answer).toBe(2);
      expect(reasons).toMatchObject([{ code: "LEASE_LOST" }]);
    });

    it("dead-letters a message that kills its worker again and again", async () => {
      let runs = 0;
      await work([sum], { sum: () => ++runs });
      const body = JSON.stringify({
        crashes: 6,
        id: createId(),
        actor: sum.name,
        v: "0",
        at: 1,
        input: { a: 1, b: 1 },
      });
      await backend.inject("default", body);
      const [letter] = await deadLetters();
      expect(letter).toMatchObject({ reason: "crash-loop" });
      expect(runs).toBe(0);
    });

    it("can be replayed from the dead letters once the fault is mended", async () => {
      let broken = true;
      await work([sum], {
        sum: () => {
          if (broken) throw new DoNotRetry("broken");
          return 5;
        },
      });
      const message = await client().send({ a: 1, b: 2 });
      await expect(message.result(patience)).rejects.toThrow("broken");
      const [letter] = await deadLetters();
      broken = false;
      expect(await broker.deadLetters.replay("default", letter?.id ?? "")).toBe(true);
      let answer: unknown;
      await eventually("the answer", async () => {
        answer = await message.result(patience).catch(() => undefined);
        return answer !== undefined;
      });
      expect(answer).toBe(5);
    });

    it("handles messages of different queues side by side", async () => {
      const slow = testActor<{ input: string; output: string }>("slow", {
        input: z.string(),
        output: z.string(),
        queue: "slow",
      });
      let release: (() => void) | undefined;
      await work(
        [sum, slow],
        {
          sum: () => 1,
          slow: () => new Promise((resolve) => (release = () => resolve("done"))),
        },
        { concurrency: 2 },
      );
      const held = createActorClient<typeof slow>(broker, slow).call("x", patience);
      expect(await client().call({ a: 1, b: 1 }, patience)).toBe(1);
      await eventually("the slow handler", () => release !== undefined);
      release?.();
      expect(await held).toBe("done");
    });
  });
}
