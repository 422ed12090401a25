/** The testing kit: time that is moved, work that is waited for, failures that are told, faults on demand. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  BrokerUnavailableError,
  DoNotRetry,
  LeaseLostError,
  RemoteFailureError,
  ResultTimeoutError,
  RetryLater,
} from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { createTestKit, type TestKit, type TestKitOptions } from "callboard/testing";
import { createWorker, type Task, type WorkerOptions } from "callboard/worker";
import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import { z } from "zod";
import { TestLogger, testActor } from "../support/actors.js";

type Charge = Actor<{ input: { user: string; amount: number }; output: string }>;
const schema = z.object({ user: z.string(), amount: z.number() });
const charge: Charge = testActor("charge", { input: schema, output: z.string(), minBackoff: "15s", maxBackoff: "1h" });
type Mail = Actor<{ input: string }>;
const mail: Mail = testActor("mail", { input: z.string(), queue: "mail", timeLimit: "10m" });

type Handlers = Readonly<Record<string, (input: never, task: Task) => unknown>>;

function setUp(options?: TestKitOptions) {
  const kit = createTestKit(options);
  onTestFinished(() => kit.close());
  return {
    kit,
    charges: createActorClient<Charge>(kit.broker, charge),
    mails: createActorClient<Mail>(kit.broker, mail),
  };
}

async function work(kit: TestKit, handlers: Handlers, options: WorkerOptions = {}) {
  const all = { charge: () => "r1", mail: () => undefined, ...handlers };
  const logger = new TestLogger();
  await kit.start(createWorker(kit.broker, { test: { charge, mail } }, { test: all }, { logger, ...options }));
  return logger;
}

const ada = { user: "ada", amount: 20 };

describe("drain", () => {
  it("resolves when all is done, what handlers sent included, however long they take", async () => {
    const { kit, charges, mails } = setUp();
    const seen: string[] = [];
    await work(kit, {
      charge: async ({ user }: typeof ada) => {
        await sleep(20);
        await mails.send(user);
        return "r1";
      },
      mail: async (to: string) => {
        await sleep(20);
        seen.push(to);
      },
    });
    await charges.sendMany([ada, { user: "bob", amount: 1 }]);
    await kit.drain();
    expect(seen).toEqual(["ada", "bob"]);
  });

  it("leaves alone what has to wait for the clock, and what no worker takes", async () => {
    const { kit, charges, mails } = setUp();
    const seen: string[] = [];
    await work(kit, { mail: (to: string) => void seen.push(to) }, { queues: ["mail"] });
    await mails.send("later", { delay: "1m" });
    await charges.send(ada);
    await kit.drain();
    expect(seen).toEqual([]);
    await kit.advance("59s");
    expect(seen).toEqual([]);
    await kit.advance("1s");
    expect(seen).toEqual(["later"]);
  });

  it("rejects with the very error that a handler threw, once, and the message is tried again all the same", async () => {
    const { kit, charges } = setUp();
    const busy = Object.assign(new Error("busy"), { line: 7 });
    await work(kit, {
      charge: (_: unknown, { message }: Task) => {
        if (message.attempt === 1) throw busy;
        return "r2";
      },
    });
    const message = await charges.send(ada);
    const told = await kit.drain().catch((error: unknown) => error);
    expect(told).toBe(busy);
    expect(kit.failures).toEqual([
      { id: message.id, actor: "test.charge", attempt: 1, error: busy, reason: undefined },
    ]);
    await kit.drain();
    await kit.advance("15s");
    expect(await message.result()).toBe("r2");
  });

  it("rejects with the error of a message that is dead, whatever it was that was thrown", async () => {
    const { kit, charges } = setUp();
    const declined = new DoNotRetry("declined", { cause: 402 });
    await work(kit, {
      charge: () => {
        throw declined;
      },
    });
    await charges.send(ada);
    await expect(kit.drain()).rejects.toBe(declined);
    expect(kit.deadLetters).toMatchObject([{ actor: "test.charge", reason: "do-not-retry", attempts: 1 }]);
    expect(kit.failures).toMatchObject([{ error: declined, reason: "do-not-retry" }]);
  });

  it("does not tell what a caller was told already", async () => {
    const { kit, charges } = setUp();
    await work(kit, { charge: () => Promise.reject(new DoNotRetry("declined")) });
    await expect(charges.call(ada)).rejects.toThrow(RemoteFailureError);
    await kit.drain();
    expect(kit.failures).toHaveLength(1);
  });

  it("does not take it for a failure when a handler asks to be tried again later", async () => {
    const { kit, charges } = setUp();
    await work(kit, {
      charge: (_: unknown, { message }: Task) => {
        if (message.attempt === 1) throw new RetryLater("1h");
        return "r2";
      },
    });
    const message = await charges.send(ada);
    await kit.drain();
    expect(kit.failures).toMatchObject([{ attempt: 1, error: { code: "RETRY_LATER" } }]);
    await kit.advance("1h");
    expect(await message.result()).toBe("r2");
  });

  it("tells nothing where it is not to fail fast", async () => {
    const { kit, mails } = setUp({ failFast: false });
    await work(kit, { mail: () => Promise.reject(new Error("no")) });
    await mails.send("ada");
    await kit.drain();
    await kit.advance("1m");
    expect(kit.failures.length).toBeGreaterThan(5);
  });

  it("says what still runs when its patience is over", async () => {
    const { kit, mails } = setUp({ patience: 50 });
    await work(kit, { mail: () => new Promise(() => undefined) });
    const { id } = await mails.send("ada");
    await expect(kit.drain()).rejects.toThrow(`test.mail (message ${id}) is running`);
  });
});

describe("advance", () => {
  it("brings everything that is due in its order, each at its time, and waits for what follows from it", async () => {
    const { kit, charges, mails } = setUp({ failFast: false, now: "2026-03-01T09:00:00Z" });
    const seen: [string, string][] = [];
    const at = () => kit.now.toISOString().slice(11, 19);
    await work(kit, {
      mail: async (to: string) => {
        await sleep(5);
        seen.push([to, at()]);
      },
      charge: async () => {
        await sleep(5);
        seen.push(["charge", at()]);
        throw new Error("always");
      },
    });
    await mails.send("second", { delay: "2h" });
    await mails.send("first", { delay: "1h" });
    await charges.send(ada, { delay: "90m" });
    await kit.advance("3h");
    expect(seen[0]).toEqual(["first", "10:00:00"]);
    expect(seen[1]).toEqual(["charge", "10:30:00"]);
    const attempts = seen.filter(([name]) => name === "charge");
    expect(new Set(attempts.map(([, time]) => time)).size).toBe(attempts.length);
    expect(attempts.length).toBeGreaterThan(6);
    expect(seen).toContainEqual(["second", "11:00:00"]);
    expect(at()).toBe("12:00:00");
  });

  it("moves time limits as well, and the handler learns of it", async () => {
    const { kit, mails } = setUp();
    const reasons: unknown[] = [];
    await work(kit, {
      mail: (_: unknown, { signal }: Task) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve(reasons.push(signal.reason)));
        }),
    });
    await mails.send("ada");
    await expect(kit.advance("10m")).rejects.toThrow(/time limit of 600000 ms/);
    expect(reasons).toMatchObject([{ code: "TIME_LIMIT" }]);
  });

  it("refuses what is no time", async () => {
    const { kit } = setUp();
    await expect(kit.advance("soon" as never)).rejects.toThrow(/must be a duration/);
    expect(() => createTestKit({ now: "soon" })).toThrow('"now" must be a time; it is "soon".');
    expect(() => createTestKit({ failfast: false } as never)).toThrow(/Did you mean "failFast"/);
    expect(() => kit.faults.crash(0)).toThrow(/a whole number, 1 or more/);
  });
});

describe("the kit's clock", () => {
  it("moves how old a message may become", async () => {
    const { kit, mails } = setUp();
    await mails.send("soon too old", { maxAge: "1h" });
    await kit.advance("2h");
    await work(kit, {});
    await expect(kit.drain()).rejects.toThrow("picked up 3600000 ms too late");
    expect(kit.deadLetters).toMatchObject([{ actor: "test.mail", reason: "expired", attempts: 0 }]);
  });

  it("moves how long messages count as one, and a connection that is down leaves nothing claimed", async () => {
    type Index = Actor<{ input: string }>;
    const index: Index = testActor("index", {
      input: z.string(),
      unique: { key: () => "all", for: "1m", mode: "debounce" },
    });
    const kit = createTestKit();
    onTestFinished(() => kit.close());
    const seen: string[] = [];
    const handlers = { test: { index: (input: string) => void seen.push(input) } };
    await kit.start(createWorker(kit.broker, { test: { index } }, handlers, { logger: new TestLogger() }));
    const client = createActorClient<Index>(kit.broker, index);
    kit.faults.disconnect();
    await expect(client.send("lost")).rejects.toThrow(BrokerUnavailableError);
    for (const input of ["first", "second", "third"]) {
      await client.send(input);
      await kit.advance("50s");
    }
    expect(seen).toEqual([]);
    await kit.advance("10s");
    expect(seen).toEqual(["third"]);
    expect(kit.sent(index)).toHaveLength(3);
  });

  it("moves limits: what has to wait is called when its turn has come, and drained as far as it may run", async () => {
    type Slow = Actor<{ input: number }>;
    const slow: Slow = testActor("slow", {
      input: z.number(),
      rateLimit: { limit: 2, per: "1m" },
      concurrencyLimit: 1,
    });
    const kit = createTestKit();
    onTestFinished(() => kit.close());
    const seen: number[] = [];
    const handler = async (input: number) => {
      await sleep(2);
      seen.push(input);
    };
    await kit.start(
      createWorker(kit.broker, { test: { slow } }, { test: { slow: handler } }, { logger: new TestLogger() }),
    );
    await createActorClient<Slow>(kit.broker, slow).sendMany([1, 2, 3, 4, 5]);
    await kit.drain();
    expect(seen).toEqual([1, 2]);
    await kit.advance("1m");
    expect(seen).toEqual([1, 2, 3, 4]);
    await kit.advance("1m");
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it("brings no message that was cancelled before its time", async () => {
    const { kit, mails } = setUp();
    const seen: string[] = [];
    await work(kit, { mail: (to: string) => void seen.push(to) });
    const message = await mails.send("ada", { delay: "1h" });
    await kit.advance("59m");
    await message.cancel();
    await kit.advance("1h");
    expect(seen).toEqual([]);
    expect(kit.deadLetters).toEqual([]);
  });
});

describe("sent", () => {
  it("tells inputs and options, with their types, of one actor", async () => {
    const { kit, charges, mails } = setUp();
    await kit.advance("1d");
    const headers = { tenant: "acme" };
    const { id } = await charges.send(ada, { delay: "1m", priority: 9, headers, maxRetries: 0 });
    await mails.send("ada");
    const sent = kit.sent(charge);
    const options = { maxRetries: 0 };
    const at = new Date("2026-01-02T00:00:00Z");
    expect(sent).toEqual([{ id, queue: "default", input: ada, priority: 9, delay: 60_000, headers, options, at }]);
    expectTypeOf(sent[0]?.input).toEqualTypeOf<{ user: string; amount: number } | undefined>();
    expect(kit.sent(charges)).toEqual(sent);
    expectTypeOf(kit.sent(charges)).toEqualTypeOf(sent);
    expect(() => kit.sent({ send: mails.send })).toThrow("sent() takes an actor's client");
    expect(kit.sent(mail)).toMatchObject([{ input: "ada", queue: "mail", priority: 5, delay: 0 }]);
  });

  it("counts no retry and nothing that was refused", async () => {
    const { kit, mails } = setUp({ failFast: false });
    await work(kit, { mail: () => Promise.reject(new Error("no")) });
    await mails.send("ada");
    await mails.send(5 as never).catch(() => undefined);
    await kit.advance("1m");
    expect(kit.sent(mail)).toHaveLength(1);
  });
});

describe("a result", () => {
  it("is not waited for for ever while the clock stands still, and says what is known", async () => {
    const { kit, charges } = setUp({ patience: 100 });
    await work(kit, { charge: () => Promise.reject(new Error("busy")) });
    const refused = charges.call(ada);
    await expect(refused).rejects.toThrow(ResultTimeoutError);
    await expect(refused).rejects.toThrow(/attempt 1 failed and it is to be retried \(Error: busy\)/);
  });

  it("times out when the clock is moved", async () => {
    const { kit, charges } = setUp();
    const answer = charges.call(ada, { timeout: "1m" }).catch((error: unknown) => error);
    await kit.advance("1m");
    expect(await answer).toBeInstanceOf(ResultTimeoutError);
  });
});

describe("faults", () => {
  it("deliver a message twice, for as many as were asked for", async () => {
    const { kit, mails } = setUp();
    const seen: string[] = [];
    await work(kit, { mail: (to: string) => void seen.push(to) });
    kit.faults.duplicate(2);
    await mails.sendMany(["ada", "bob", "eve"]);
    await kit.drain();
    expect(seen.sort()).toEqual(["ada", "ada", "bob", "bob", "eve"]);
    expect(kit.sent(mail)).toHaveLength(3);
  });

  it("crash a worker before it acks: the message comes again after its lease, with a crash counted", async () => {
    const { kit, charges } = setUp();
    const attempts: number[] = [];
    const logger = await work(kit, { charge: (_: unknown, { message }: Task) => `r${attempts.push(message.attempt)}` });
    kit.faults.crash();
    const message = await charges.send(ada);
    await kit.drain();
    expect(attempts).toEqual([1]);
    expect(logger.messages("warn")).toEqual(["too late: another worker has the message"]);
    await kit.advance("14s");
    expect(attempts).toEqual([1]);
    await kit.advance("1s");
    expect(attempts).toEqual([1, 1]);
    // The answer was stored before the crash, and is not replaced.
    expect(await message.result()).toBe("r1");
  });

  it("end a message that kills its worker each time as a crash loop", async () => {
    const { kit, mails } = setUp();
    let runs = 0;
    await work(kit, { mail: () => void runs++ });
    kit.faults.crash(6);
    await mails.send("poison");
    await expect(kit.advance("2m")).rejects.toThrow("6 workers died or lost their lease while they held this message");
    expect(kit.deadLetters).toMatchObject([{ actor: "test.mail", reason: "crash-loop" }]);
    expect(runs).toBe(6);
  });

  it("drop the connection: the next send is refused, and nothing was sent", async () => {
    const { kit, mails } = setUp();
    kit.faults.disconnect(2);
    await expect(mails.send("ada")).rejects.toThrow(BrokerUnavailableError);
    await expect(mails.send("ada")).rejects.toThrow(BrokerUnavailableError);
    await mails.send("ada");
    expect(kit.sent(mail)).toHaveLength(1);
  });

  it("drop the connection: a worker loses what it holds, is told so, and cannot settle it any more", async () => {
    const { kit, charges } = setUp();
    const reasons: unknown[] = [];
    await work(kit, {
      charge: (_: unknown, { signal }: Task) => {
        if (reasons.length > 0) return "second";
        return new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            resolve("first");
          });
          kit.faults.disconnect();
        });
      },
    });
    expect(await charges.call(ada)).toBe("second");
    expect(reasons).toEqual([expect.any(LeaseLostError)]);
  });
});

it("stops a worker whose handler hangs, without waiting for it", async () => {
  const kit = createTestKit();
  await work(kit, { mail: () => new Promise(() => undefined) });
  await createActorClient<Mail>(kit.broker, mail).send("ada");
  const started = performance.now();
  await kit.close();
  expect(performance.now() - started).toBeLessThan(10_000);
});
