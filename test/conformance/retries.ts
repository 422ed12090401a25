/** When a message is tried again, when it is given up, and what is known of it then: on any broker. */
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import {
  actor,
  InvalidOptionError,
  RemoteFailureError,
  ResultTimeoutError,
  RetryLater,
  type ActorOptions,
  type Broker,
  type SendOptions,
} from "callboard";
import { createActorClient, defineActor, type Actor } from "callboard/client";
import { createWorker, type Task, type WorkerOptions } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { DeadLetter } from "../../runtime/seams/broker.js";
import { createProject } from "../setup/project.js";
import { testActor, type TestLogger } from "../support/actors.js";
import { eventually, turn } from "../support/eventually.js";
import type { Backend, BrokerHarness } from "./harness.js";
import { Workshop } from "./workshop.js";

type Job = Actor<{ input: unknown; output: unknown }>;
type JobHandler = (input: never, task: Task) => unknown;

const patience = { timeout: "25s" } as const;
const job = (options: Partial<ActorOptions> = {}): Job =>
  testActor("job", { input: z.unknown(), output: z.unknown(), ...options });

class GatewayError extends Error {
  override readonly name = "GatewayError";
}

export function describeRetries(name: string, harness: BrokerHarness): void {
  describe(`${name}: retries`, () => {
    let shop: Workshop;
    let backend: Backend;
    let broker: Broker;
    let logger: TestLogger;

    beforeEach(async () => {
      shop = await Workshop.open(harness);
      ({ backend, broker, logger } = shop);
    });
    afterEach(() => shop.close());

    const work = (actor: Job, handler: JobHandler, options?: WorkerOptions) =>
      shop.work([actor], { job: handler }, options);

    /** Attempts that fail, each with its number. */
    function failing(attempts: number[], error: (attempt: number) => Error = (n) => new GatewayError(`no ${n}`)) {
      return (_: unknown, { message: { attempt } }: Task) => {
        attempts.push(attempt);
        throw error(attempt);
      };
    }

    /** Sends, and waits for the end as its caller sees it. */
    async function failureOf(actor: Job, options: SendOptions = {}): Promise<RemoteFailureError> {
      const call = createActorClient<Job>(broker, actor)
        .call({}, { ...(backend.clock === undefined ? patience : { timeout: "1h" }), ...options })
        .catch((error: unknown) => error);
      await untilPassed(call);
      const failure = await call;
      expect(failure).toBeInstanceOf(RemoteFailureError);
      return failure as RemoteFailureError;
    }

    /** Lets time pass, where it has to be moved, until something has come. */
    async function untilPassed(promise: Promise<unknown>): Promise<void> {
      if (backend.clock === undefined) return;
      let over = false;
      const settled = () => (over = true);
      promise.then(settled, settled);
      // Threads do not live by the clock that is moved: they are given some real time as well.
      for (let i = 0; i < 2000 && !over; i++, await wait(10)) await backend.pass(100);
    }

    async function letter(): Promise<DeadLetter | undefined> {
      await eventually("the dead letter", async () => (await broker.deadLetters.list("default")).length > 0);
      return (await broker.deadLetters.list("default"))[0];
    }

    it("case 19: a message has as many attempts as its contract says, or as it says itself", async () => {
      const attempts: number[] = [];
      const actor = job({ maxRetries: 3 });
      await work(actor, failing(attempts));
      expect((await failureOf(actor)).attempts).toBe(4);
      expect(attempts.splice(0)).toEqual([1, 2, 3, 4]);
      expect((await failureOf(actor, { maxRetries: 0 })).attempts).toBe(1);
      expect(attempts.splice(0)).toEqual([1]);
      expect((await failureOf(actor, { maxRetries: 4 })).attempts).toBe(5);
      expect(attempts).toEqual([1, 2, 3, 4, 5]);
    });

    it("case 19: without backoff, the next attempt follows at once", async () => {
      const attempts: number[] = [];
      const actor = job({ minBackoff: "1h", maxBackoff: "1h", maxRetries: 10 });
      await work(actor, failing(attempts));
      // An hour is never waited for here: the message's own backoff is.
      const call = createActorClient<Job>(broker, actor).call({}, { ...patience, minBackoff: 0, maxBackoff: 0 });
      await expect(call).rejects.toMatchObject({ attempts: 11 });
      expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    });

    it("case 20: retryWhen alone decides, by the error and the attempt", async () => {
      const attempts: number[] = [];
      const retryWhen = (error: unknown, attempt: number) => error instanceof GatewayError && attempt < 3;
      const actor = job({ retryWhen });
      await work(actor, failing(attempts));
      expect(await failureOf(actor)).toMatchObject({ reason: "retries-exhausted", attempts: 3 });
      expect(attempts.splice(0)).toEqual([1, 2, 3]);
      await shop.workers.pop()?.stop();
      await work(
        actor,
        failing(attempts, () => new TypeError("another")),
      );
      expect(await failureOf(actor)).toMatchObject({ reason: "retries-exhausted", attempts: 1 });
    });

    it("case 20: retryWhen and maxRetries have to agree where both are stated", async () => {
      const actor = job({ retryWhen: () => true, maxRetries: 2 });
      await work(actor, failing([]));
      expect(await failureOf(actor)).toMatchObject({ reason: "retries-exhausted", attempts: 3 });
      expect(await failureOf(actor, { maxRetries: 1 })).toMatchObject({ attempts: 2 });
    });

    it("case 20: a retryWhen that throws, or answers neither yes nor no, leaves it to maxRetries and is told of", async () => {
      const broken = job({
        maxRetries: 1,
        retryWhen: () => {
          throw new Error("broken rule");
        },
      });
      await work(broken, failing([]));
      expect(await failureOf(broken)).toMatchObject({ attempts: 2 });
      expect(logger.messages("error")).toContain('"retryWhen" failed: maxRetries alone decides');
      await shop.workers.pop()?.stop();
      const vague = job({ maxRetries: 1, retryWhen: () => "yes" as never });
      await work(vague, failing([]));
      expect(await failureOf(vague)).toMatchObject({ attempts: 2 });
    });

    it("case 20: what a contract says is thrown is never retried, known by a class's name as well, and no trouble", async () => {
      class Declined extends GatewayError {}
      const bundledApart = { GatewayError: class GatewayError extends Error {} };
      const attempts: number[] = [];
      const actor = job({ throws: [RangeError, bundledApart.GatewayError] });
      await work(
        actor,
        failing(attempts, () => new Declined("no funds")),
      );
      expect(await failureOf(actor)).toMatchObject({ reason: "do-not-retry", attempts: 1 });
      expect(attempts).toEqual([1]);
      await eventually("a line in the log", () => logger.messages("info").includes("message is dead"));
      expect([...logger.messages("warn"), ...logger.messages("error")]).toEqual([]);
    });

    it("case 20: a RetryLater is no trouble either", async () => {
      const actor = job();
      await work(actor, (_: never, { message: { attempt } }) => {
        if (attempt === 1) throw new RetryLater(50, "busy");
        return attempt;
      });
      const call = createActorClient<Job>(broker, actor).call({}, patience);
      await untilPassed(call);
      expect(await call).toBe(2);
      expect(logger.messages("info")).toContain("attempt failed, to be retried");
      expect([...logger.messages("warn"), ...logger.messages("error")]).toEqual([]);
    });

    describe("case 21: an actor that is told of exhausted retries", () => {
      const schema = z.object({
        id: z.string(),
        actor: z.string(),
        queue: z.string(),
        attempts: z.number(),
        sentAt: z.number(),
        input: z.object({ user: z.string() }),
        error: z.object({ name: z.string(), message: z.string() }),
      });
      const givenUp = actor({ input: schema, queue: "given-up" });
      const giveUp = defineActor(givenUp, { name: "test.giveUp", fingerprint: "00000000" });
      const charged = (options: object = {}): Actor<{ input: { user: string } }> =>
        testActor("charge", { input: z.object({ user: z.string() }), onRetryExhausted: givenUp, ...options });

      /** Starts a worker of both; what it returns is what the second one was told. */
      async function workBoth(
        charge: Actor,
        handler: JobHandler,
      ): Promise<readonly (readonly [Task["message"], unknown])[]> {
        const told: [Task["message"], unknown][] = [];
        const parts = backend.clock === undefined ? {} : { clock: backend.clock };
        const worker = createWorker(
          backend.connect(),
          { test: { charge, giveUp } },
          { test: { charge: handler, giveUp: (input: unknown, { message }: Task) => told.push([message, input]) } },
          { logger },
          parts,
        );
        shop.workers.push(worker);
        await worker.start();
        return told;
      }

      it("hears of it once, after the last attempt, with the input and the error", async () => {
        const charge = charged({ maxRetries: 2 });
        const attempts: number[] = [];
        const told = await workBoth(charge, failing(attempts));
        const headers = { tenant: "acme" };
        const message = await createActorClient<typeof charge>(broker, charge).send({ user: "ada" }, { headers });
        await eventually("the one who is told", async () => {
          if (backend.clock !== undefined) await backend.pass(100);
          return told.length > 0;
        });
        const dead = await letter();
        await backend.pass(harness.times.soon);
        expect(attempts).toEqual([1, 2, 3]);
        const [[toldBy, input] = []] = told;
        expect(told).toHaveLength(1);
        expect(toldBy?.id).not.toBe(message.id);
        expect(toldBy?.headers).toEqual(headers);
        expect(input).toEqual({
          id: message.id,
          actor: "test.charge",
          queue: "default",
          attempts: 3,
          sentAt: dead?.sentAt,
          input: { user: "ada" },
          error: { name: "GatewayError", message: "no 3" },
        });
      });

      it("hears nothing of what succeeds in the end, is not to be retried, or expires", async () => {
        const charge = charged({ maxRetries: 5, throws: [RangeError] });
        const told = await workBoth(charge, ({ user }: { user: string }, { message: { attempt } }) => {
          if (user === "late" || (user === "flaky" && attempt < 3)) throw new GatewayError("again");
          if (user === "final") throw new RangeError("never");
        });
        const client = createActorClient<typeof charge>(broker, charge);
        await client.sendMany([{ user: "flaky" }, { user: "final" }]);
        await client.send({ user: "late" }, { maxAge: 1 });
        for (let i = 0; i < 3; i++) await backend.pass(harness.times.soon + 100);
        await eventually("both to be dead", async () => (await broker.deadLetters.list("default")).length === 2);
        expect(told).toEqual([]);
      });

      it("is told with the same id each time, and what cannot be told does not keep the message from its end", async () => {
        const charge = charged({ maxRetries: 0 });
        const told = await workBoth(charge, failing([]));
        const client = createActorClient<typeof charge>(broker, charge);
        const { id } = await client.send({ user: "ada" });
        await letter();
        expect(await broker.deadLetters.replay("default", id)).toBe(true);
        await eventually("both times", () => told.length === 2);
        expect(told[0]?.[0].id).toBe(told[1]?.[0].id);
        await letter();
        const fussy = actor({ input: schema.extend({ input: z.object({ user: z.literal("ada") }) }) });
        defineActor(fussy, { name: "test.fussy", fingerprint: "00000000" });
        await shop.workers.pop()?.stop();
        await workBoth(charged({ maxRetries: 0, onRetryExhausted: fussy }), failing([]));
        const { id: other } = await client.send({ user: "eve" });
        await eventually("the other dead letter", async () => {
          const letters = await broker.deadLetters.list("default");
          return letters.some((each) => each.id === other);
        });
        expect(logger.messages("error")).toContain("exhausted retries cannot be told");
      });

      it("is refused when the worker is created where no file exports its contract", async () => {
        const hidden = actor({ input: schema });
        const charge = charged({ onRetryExhausted: hidden });
        await expect(workBoth(charge, failing([]))).rejects.toThrow(
          /test\.charge: its "onRetryExhausted" names a contract/,
        );
      });
    });

    describe("case 22: a shutdown", () => {
      const kinds = ["ends", "gives up", "goes on"] as const;
      const rows = [undefined, false, true].flatMap((notify) => kinds.map((kind) => ({ notify, kind })));

      it.each(rows)(
        "is told at once only to a running handler that asks for it: $notify, and it $kind",
        async (row) => {
          const { notify, kind } = row;
          const actor = job(notify === undefined ? {} : { notifyShutdown: notify });
          const reasons: string[] = [];
          let finish: () => void = () => undefined;
          let started = false;
          const worker = await work(actor, (_: never, { signal }) => {
            started = true;
            return new Promise((resolve, reject) => {
              finish = () => resolve("finished");
              signal.addEventListener("abort", () => {
                reasons.push((signal.reason as { code: string }).code);
                if (kind === "ends") resolve("ended early");
                if (kind === "gives up") reject(new Error("told to stop"));
              });
            });
          });
          const message = await createActorClient<Job>(broker, actor).send({});
          await eventually("the handler", () => started);
          const stopped = worker.stop();
          await turn();
          expect(reasons).toEqual(notify === true ? ["SHUTDOWN"] : []);
          finish();
          await stopped;
          expect(await broker.deadLetters.list("default")).toEqual([]);
          if (notify !== true || kind === "goes on") {
            expect(await message.result(patience)).toBe("finished");
          } else if (kind === "ends") {
            expect(await message.result(patience)).toBe("ended early");
          } else {
            // No attempt is counted of what was told to stop.
            await work(actor, (_: never, { message: { attempt } }) => attempt);
            expect(await message.result(patience)).toBe(1);
          }
        },
      );
    });

    it("case 22: the time limit is the contract's, or the message's own", async () => {
      const reasons: unknown[] = [];
      const actor = job({ timeLimit: "1h", maxRetries: 0 });
      await work(
        actor,
        (_: never, { signal }) =>
          new Promise(() => signal.addEventListener("abort", () => reasons.push((signal.reason as Error).message))),
      );
      expect(await failureOf(actor, { timeLimit: 80 })).toMatchObject({ remote: { name: "TimeLimitError" } });
      expect(reasons).toEqual(["test.job: the attempt was still running after its time limit of 80 ms"]);
    });

    it("case 22: what has waited longer than its maxAge is dead and never run, and its caller is told each time", async () => {
      const attempts: number[] = [];
      const actor = job({ maxAge: 100 });
      const client = createActorClient<Job>(broker, actor);
      const [old, young] = [await client.send({}), await client.send({}, { maxAge: "1h" })];
      await backend.pass(150);
      await work(actor, (_: never, { message: { attempt } }) => attempts.push(attempt));
      expect(await young.result(patience)).toBe(1);
      for (const _ of [1, 2]) {
        await expect(old.result(patience)).rejects.toMatchObject({
          reason: "expired",
          attempts: 0,
          remote: { name: "ExpiredError" },
        });
      }
      expect(attempts).toEqual([1]);
      expect(await letter()).toMatchObject({ id: old.id, reason: "expired", attempts: 0, failures: [] });
    });

    it("case 22: a delay does not count as age, and a message that is put back by hand is as good as new", async () => {
      const actor = job({ maxAge: "10s" });
      const client = createActorClient<Job>(broker, actor);
      const delayed = await client.send({}, { delay: 300, maxAge: 5000 });
      const old = await client.send({}, { maxAge: 1 });
      await backend.pass(300);
      await work(actor, (_: never, { message: { attempt } }) => attempt);
      expect(await delayed.result(patience)).toBe(1);
      expect(await letter()).toMatchObject({ id: old.id, reason: "expired" });
      expect(await broker.deadLetters.replay("default", old.id)).toBe(true);
      let answer: unknown;
      await eventually("its answer", async () => {
        answer = await old.result(patience).catch(() => undefined);
        return answer !== undefined;
      });
      expect(answer).toBe(1);
    });

    it("case 22: a retry that comes too late is not made, and the last error stays known", async () => {
      const attempts: number[] = [];
      const actor = job({ maxAge: 2000, minBackoff: 2100, maxBackoff: 2100 });
      await work(actor, failing(attempts));
      expect(await failureOf(actor)).toMatchObject({
        reason: "expired",
        attempts: 1,
        remote: { name: "GatewayError", message: "no 1" },
      });
      expect(attempts).toEqual([1]);
      expect(await letter()).toMatchObject({ reason: "expired", attempts: 1, failures: [{ message: "no 1" }] });
    });

    it("case 23: a failure is told with the error's own name, message and stack, as often as it is asked for", async () => {
      const actor = job({ maxRetries: 0 });
      await work(actor, failing([]));
      const message = await createActorClient<Job>(broker, actor).send({});
      for (const _ of [1, 2]) {
        const failure = await message.result(patience).catch((error: unknown) => error);
        expect(failure).toMatchObject({ remote: { name: "GatewayError", message: "no 1" } });
        expect((failure as RemoteFailureError).remote.stack).toContain("retries.ts");
      }
    });

    it("case 23: a result is kept as long as the message says", async () => {
      const actor = job();
      await work(actor, () => "kept");
      const client = createActorClient<Job>(broker, actor);
      const [long, short] = [await client.send({}), await client.send({}, { resultTtl: 1000 })];
      expect(await Promise.all([long, short].map((message) => message.result(patience)))).toEqual(["kept", "kept"]);
      await backend.pass(1500);
      const late = short.result({ timeout: 50 }).catch((error: unknown) => error);
      await backend.pass(50);
      expect(await late).toBeInstanceOf(ResultTimeoutError);
      expect(await long.result(patience)).toBe("kept");
    });

    it("case 23: a result is had by whoever knows the id, where results are kept for all", async () => {
      const actor = job();
      await work(actor, () => "for all");
      const message = await createActorClient<Job>(broker, actor).send({});
      expect(await message.result(patience)).toBe("for all");
      const elsewhere = backend.connect();
      const handle = createActorClient<Job>(elsewhere, actor).handle(message.id);
      if (elsewhere.results.addressedOnly === true) {
        await expect(handle.result(patience)).rejects.toThrow(InvalidOptionError);
        await expect(handle.result(patience)).rejects.toThrow(/only the process that sent it.*result store/);
      } else {
        expect(await handle.result(patience)).toBe("for all");
      }
    });

    describe("of an isolated actor", () => {
      const endless = {
        "handlers.mjs": "export const test = { job: ({ ends }) => { if (ends) return ends; for (;;); } };",
      };
      const isolate = () => pathToFileURL(join(createProject(endless).directory, "handlers.mjs"));
      const isolated = (options: Partial<ActorOptions> = {}) => job({ isolate: true, ...options });
      const nothing = () => undefined;

      it("case 22: code that never yields is stopped at its time limit, and counted as a failed attempt", async () => {
        const actor = isolated({ timeLimit: 300, maxRetries: 1 });
        await work(actor, nothing, { isolate: isolate() });
        const failure = await failureOf(actor);
        expect(failure).toMatchObject({ attempts: 2, remote: { name: "TimeLimitError" } });
        // In a new thread, which takes its time on a busy machine.
        const again = createActorClient<Job>(broker, actor).call({ ends: "well" }, { timeLimit: "20s", ...patience });
        expect(await again).toBe("well");
      });

      it("it is stopped when another worker has its message, and the worker lives on", async () => {
        const actor = isolated();
        const stuck = await work(actor, nothing, { isolate: { handlers: isolate(), threads: 1 }, concurrency: 1 });
        const message = await createActorClient<Job>(broker, actor).send({ ends: "" });
        await eventually("the handler", () => stuck.running === 1);
        await work(job(), () => "elsewhere");
        let answered = false;
        const answer = message.result(patience).finally(() => (answered = true));
        await eventually("the other worker to have it", async () => {
          // It may be the one that is stuck again to whom the message is given: then once more.
          if (stuck.running === 1) await backend.endLeases("default");
          await new Promise((resolve) => setTimeout(resolve, 300));
          return answered;
        });
        expect(await answer).toBe("elsewhere");
        await eventually("the thread to be free", () => stuck.running === 0);
        expect(await broker.deadLetters.list("default")).toEqual([]);
      });
    });

    it("B9: a dead letter carries its final error, all attempts' errors and their times", async () => {
      const actor = job({ maxRetries: 24, minBackoff: 0, maxBackoff: 0 });
      await work(
        actor,
        failing([], (attempt) => new GatewayError(attempt === 25 ? "x".repeat(1000) : `no ${attempt}`)),
      );
      await failureOf(actor);
      const dead = await letter();
      expect(dead).toMatchObject({ attempts: 25, reason: "retries-exhausted", error: { message: "x".repeat(1000) } });
      expect(dead?.error.stack).toContain("retries.ts");
      const failures = dead?.failures ?? [];
      expect(failures.map(({ message }) => message)).toEqual([
        "no 1",
        ...Array.from({ length: 18 }, (_, i) => `no ${i + 7}`),
        "x".repeat(300),
      ]);
      expect(new Set(failures.map((failure) => failure.name))).toEqual(new Set(["GatewayError"]));
      const times = failures.map(({ at }) => at);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(await broker.deadLetters.replay("default", dead?.id ?? "")).toBe(true);
      await eventually("the second death", async () => (await broker.deadLetters.list("default")).length > 0);
      expect((await letter())?.attempts).toBe(25);
    });
  });
}
