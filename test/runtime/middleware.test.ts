/** Middleware of a user's own, on both sides: where it stands, what it may do, and what becomes of its errors. */
import { currentTask, memoryBroker, type Broker } from "callboard";
import { createActorClient, pipeline, use, type Actor, type ClientMiddleware } from "callboard/client";
import { createWorker, type Middleware, type Worker, type WorkerOptions } from "callboard/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

interface Echo {
  input: string;
  output: string;
}

const echo = testActor<Echo>("echo", { input: z.string().trim(), output: z.string(), minBackoff: 1, maxRetries: 1 });

let broker: Broker;
let workers: Worker[];
let logger: TestLogger;

beforeEach(() => {
  broker = memoryBroker();
  workers = [];
  logger = new TestLogger();
});

afterEach(async () => {
  for (const worker of workers) await worker.stop();
  await broker.close();
});

async function work(handler: (input: string) => unknown, options: WorkerOptions): Promise<void> {
  const worker = createWorker(broker, { test: { echo } }, { test: { echo: handler } }, { logger, ...options });
  workers.push(worker);
  await worker.start();
}

const answer = (input: string) => input;
const client = () => createActorClient<typeof echo>(broker, echo);

describe("a worker's middleware", () => {
  it("stands where it was put, around the handler, and sees the validated input and the output", async () => {
    const seen: string[] = [];
    const named =
      (name: string): Middleware =>
      async (_, next) => {
        seen.push(`${name} in`);
        const outcome = await next();
        seen.push(`${name} out ${outcome.kind}`);
        return outcome;
      };
    const inner: Middleware = async (task, next) => {
      const outcome = await next();
      seen.push(`${String(task.input)} ${outcome.kind === "done" ? String(outcome.output) : ""}`);
      return outcome;
    };
    const middleware = [
      use(named("outer"), { before: "results", name: "outer" }),
      use(named("middle"), { before: "retries" }),
      use(named("second"), { after: "outer" }),
      inner,
    ];
    await work((input) => `${input}!`, { middleware });
    await expect(client().call("  hello ")).resolves.toBe("hello!");
    await eventually("the onion to end", () => seen.length === 7);
    expect(seen).toEqual([
      "outer in",
      "second in",
      "middle in",
      "hello hello!",
      "middle out done",
      "second out done",
      "outer out done",
    ]);
  });

  it("can answer instead of the handler, and replace what is built in", async () => {
    let runs = 0;
    const cached: Middleware = (task, next) => (task.input === "known" ? { kind: "done", output: "cached" } : next());
    const never: Middleware = async (_, next) => {
      try {
        return await next();
      } catch {
        return { kind: "dead", reason: "do-not-retry", error: { name: "Refused", message: "no retries" }, attempts: 1 };
      }
    };
    const handler = () => {
      runs++;
      throw new Error("always");
    };
    await work(handler, { middleware: [cached, use(never, { replace: "retries" })] });
    await expect(client().call("known")).resolves.toBe("cached");
    await expect(client().call("other")).rejects.toMatchObject({ remote: { name: "Refused" } });
    expect(runs).toBe(1);
  });

  it("can put a message back until later, and no attempt is counted", async () => {
    let closed = true;
    const officeHours: Middleware = (_, next) => (closed ? { kind: "postpone", delay: 5 } : next());
    const met: number[] = [];
    const watch: Middleware = (task, next) => {
      met.push(task.message.attempt);
      closed = met.length < 3;
      return next();
    };
    await work(answer, { middleware: [use(watch, { before: "results" }), use(officeHours, { before: "retries" })] });
    await expect(client().call("x")).resolves.toBe("x");
    expect(met).toEqual([1, 1, 1]);
  });

  it.each([
    ["throws inside of the retries", {}, (): never => fail()],
    ["throws outside of all others", { before: "results" }, (): never => fail()],
    ["forgets to return an outcome", {}, (async () => undefined) as never as Middleware],
    ["goes on twice", {}, (async (_, next) => (await next(), next())) as Middleware],
  ] as const)("that %s fails the attempt, and its caller is told", async (_, where, broken: Middleware) => {
    await work(answer, { middleware: [use(broken, where)] });
    await expect(client().call("x")).rejects.toMatchObject({ reason: "retries-exhausted", attempts: 2 });
    expect(await broker.deadLetters.list("default")).toHaveLength(1);
  });

  it.each(["flows", "results"])("that ends an attempt outside of %s has its caller told", async (before) => {
    const error = { name: "Refused", message: "not now" };
    const refuse: Middleware = ({ message }, next) => {
      if (message.headers["end"] === "dead") return { kind: "dead", reason: "do-not-retry", error, attempts: 0 };
      return message.headers["end"] === "done" ? { kind: "done", output: "of the cache" } : next();
    };
    const once: Middleware = async ({ message }, next) => {
      const outcome = await next();
      if (outcome.kind !== "retry") return outcome;
      return { kind: "dead", reason: "do-not-retry", error: outcome.error, attempts: message.attempt };
    };
    const middleware = [use(refuse, { before }), use(once, { before })];
    await work((input) => (input === "bad" ? fail() : input), { middleware });
    await expect(client().call("good")).resolves.toBe("good");
    await expect(client().call("x", { headers: { end: "done" } })).resolves.toBe("of the cache");
    const refused = client().call("x", { headers: { end: "dead" } });
    await expect(refused).rejects.toMatchObject({ reason: "do-not-retry", remote: { name: "Refused" } });
    const failed = client().call("bad");
    await expect(failed).rejects.toMatchObject({ reason: "do-not-retry", remote: { message: "broken" }, attempts: 1 });
    expect(await broker.deadLetters.list("default")).toHaveLength(2);
  });

  it.each(["flows", "track"])(
    "that ends an attempt outside of %s has it recorded how the message ended",
    async (before) => {
      type Step = Actor<{ input: string; progress: number; tracked: true }>;
      const step: Step = testActor("step", { input: z.string(), progress: z.number(), maxRetries: 1 });
      const error = { name: "Refused", message: "not now" };
      const end: Middleware = async ({ message }, next) => {
        if (message.headers["end"] === "early") return { kind: "done", output: undefined };
        const outcome = await next();
        return outcome.kind === "retry" ? { kind: "dead", reason: "do-not-retry", error, attempts: 1 } : outcome;
      };
      const options = { logger, middleware: [use(end, { before })] };
      const worker = createWorker(broker, { test: { step } }, { test: { step: () => fail() } }, options);
      workers.push(worker);
      await worker.start();
      const steps = createActorClient<Step>(broker, step);
      for (const [headers, state] of [
        [{ end: "early" }, { state: "done" }],
        [{}, { state: "dead", reason: "do-not-retry" }],
      ] as const) {
        const message = await steps.send("x", { headers });
        for await (const told of message.progress({ timeout: "20s" })) expect(told).toBeUndefined();
        expect(await message.status()).toMatchObject(state);
      }
    },
  );

  it("fails the flow of a message that dies of it outside of all", async () => {
    const broken = use(() => fail(), { before: "flows" });
    await work(answer, { middleware: [broken] });
    const sent = await pipeline(client().message("x"), client()).send();
    await expect(sent.result()).rejects.toMatchObject({ step: { actor: "test.echo" }, reason: "retries-exhausted" });
  });

  it("is refused where its place does not exist", () => {
    const create = (middleware: WorkerOptions["middleware"]) =>
      createWorker(
        broker,
        { test: { echo } },
        { test: { echo: answer } },
        { logger, ...(middleware && { middleware }) },
      );
    const pass: Middleware = (_, next) => next();
    expect(() => create([use(pass, { before: "retires" })])).toThrow(/no middleware "retires". Did you mean "retries"/);
    expect(() => create([use(pass, { before: "retries", after: "input" })])).toThrow(/Give one of/);
    expect(() => create(["audit" as never])).toThrow(/must be a function/);
  });

  it("has the task at hand everywhere that a handler calls", async () => {
    const deep = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return currentTask()?.message.id ?? "none";
    };
    await work(() => deep(), {});
    const messages = await client().sendMany(["a", "b", "c"]);
    for (const message of messages) await expect(message.result()).resolves.toBe(message.id);
    expect(currentTask()).toBeUndefined();
  });
});

describe("a client's middleware", () => {
  it("adds headers that the worker's middleware and the handler see", async () => {
    const tenant: ClientMiddleware = (message, next) =>
      next({ ...message, headers: { ...message.headers, tenant: "t1" } });
    await work(() => JSON.stringify(currentTask()?.message.headers), {});
    const sender = createActorClient<typeof echo>(broker, echo, { middleware: [tenant] });
    await expect(sender.call("x", { headers: { lang: "de" } })).resolves.toBe('{"lang":"de","tenant":"t1"}');
    const [message] = await sender.sendMany(["x"]);
    await expect(message?.result()).resolves.toBe('{"tenant":"t1"}');
  });

  it("can change the message, refuse it, and keep it from being sent", async () => {
    const upper: ClientMiddleware = (message, next) => next({ ...message, input: String(message.input).toUpperCase() });
    const picky: ClientMiddleware = async (message, next) => {
      if (message.input === "BAD") throw new Error("not this one");
      if (message.input !== "SILENT") await next(message);
    };
    await work(answer, {});
    const sender = createActorClient<typeof echo>(broker, echo, {
      middleware: [picky, use(upper, { before: "picky" })],
    });
    await expect(sender.call("good")).resolves.toBe("GOOD");
    await expect(sender.send("bad")).rejects.toThrow("not this one");
    await expect(sender.send("silent")).rejects.toMatchObject({ code: "NOT_SENT" });
    await expect(sender.call("bad")).rejects.toThrow("not this one");
  });
});

describe("a client's middleware that does wrong", () => {
  const sending = (middleware: ClientMiddleware) =>
    createActorClient<typeof echo>(broker, echo, { middleware: [use(middleware, { name: "wrong" })] });
  const changed = (changes: object) => sending((message, next) => next({ ...message, ...changes }));

  it("sends nothing that no worker could read, and says what is wrong", async () => {
    for (const [changes, fault] of [
      [{ headers: { tenant: 7 } }, /test\.echo: a middleware: "headers" must be at most 64 texts/],
      [{ priority: 42 }, /"priority" must be a whole number from 0 to 9; it is 42/],
      [{ delay: "1s" }, /test\.echo: a middleware: "delay" must be milliseconds; it is "1s"/],
      [{ delay: -1 }, /"delay" must be a duration/],
      [{ input: 7 }, /the input does not fit the contract/],
    ] as const) {
      await expect(changed(changes).send("x")).rejects.toThrow(fault);
      await expect(pipeline(changed(changes).message("x")).send()).rejects.toThrow(fault);
    }
    const nothing = sending((_, next) => (next as () => Promise<void>)());
    await expect(nothing.send("x")).rejects.toThrow(/next\(\) was given no message/);
  });

  it("sends a message once, and again only what was not sent", async () => {
    const seen: string[] = [];
    await work((input) => (seen.push(input), input), {});
    const twice: ClientMiddleware = async (message, next) => {
      await next(message);
      await next(message);
    };
    await expect(sending(twice).send("x")).rejects.toThrow(/next\(\) was called twice for one message/);
    const stubborn: ClientMiddleware = async (message, next) => {
      await next({ ...message, input: 7 }).catch(() => next(message));
    };
    await expect(sending(stubborn).call("y")).resolves.toBe("y");
    expect(seen).toEqual(["x", "y"]);
  });
});

describe("a message's own options", () => {
  it("go before its contract's", async () => {
    const attempts: number[] = [];
    await work(() => attempts.push(currentTask()?.message.maxAttempts ?? 0) && fail(), {});
    await expect(client().call("x", { maxRetries: 0 })).rejects.toMatchObject({ attempts: 1 });
    await expect(client().call("x", { maxRetries: 3 })).rejects.toMatchObject({ attempts: 4 });
    expect(attempts).toEqual([1, 4, 4, 4, 4]);
  });

  it("are refused where they are wrong", async () => {
    await expect(client().send("x", { maxRetries: -1 })).rejects.toThrow(/"maxRetries" must be a whole number/);
    await expect(client().send("x", { minBackoff: "8d" })).rejects.toThrow(/longer than "maxBackoff"/);
    await expect(client().send("x", { headers: { a: 1 as never } })).rejects.toThrow(/"headers" must be/);
    await expect(client().send("x", { maxRetires: 1 } as never)).rejects.toThrow(/Did you mean "maxRetries"/);
  });
});

describe("a message that was sent elsewhere", () => {
  it("is found again by its id", async () => {
    await work(answer, {});
    const { id } = await client().send("x");
    await expect(client().handle(id).result()).resolves.toBe("x");
    expect(() => client().handle("two words")).toThrow(/without blanks/);
  });
});

function fail(): never {
  throw new Error("broken");
}
