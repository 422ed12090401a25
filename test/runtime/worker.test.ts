/** What a worker refuses when it is created or started, and how it shares its slots. */
import { InvalidOptionError, memoryBroker, MissingHandlerError } from "callboard";
import { createActorClient } from "callboard/client";
import { createWorker, type Middleware } from "callboard/worker";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { WorkerSlots } from "../../runtime/worker/slots.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

const a = testActor<{ input: string }>("a", { input: z.string() });
const b = testActor<{ input: string }>("b", { input: z.string(), queue: "second" });
const actors = { test: { a, b } };
const handlers = { test: { a: () => undefined, b: () => undefined } };
const logger = new TestLogger();

describe("a worker", () => {
  it("is not created without a handler for each actor of its queues", () => {
    const create = () => createWorker(memoryBroker(), actors, { test: { a: () => undefined } }, { logger });
    expect(create).toThrow(MissingHandlerError);
    expect(create).toThrow(/No handler for test\.b/);
    expect(
      createWorker(memoryBroker(), actors, { test: { a: () => undefined } }, { logger, queues: ["default"] }).queues,
    ).toEqual(["default"]);
  });

  it("refuses options that it does not know or cannot hold to", () => {
    const refused: [object, RegExp][] = [
      [{ concurency: 5 }, /Did you mean "concurrency"/],
      [{ concurrency: 0 }, /"concurrency" must be a whole number/],
      [{ queues: ["defualt"] }, /No contract names the queue "defualt". Did you mean "default"/],
      [{ queues: [] }, /no queue/],
      [{ shutdownTimeout: "soon" }, /"shutdownTimeout" must be a duration/],
    ];
    for (const [options, message] of refused) {
      expect(() => createWorker(memoryBroker(), actors, handlers, { logger, ...options })).toThrow(message);
    }
  });

  it("is started once, with overrides, and stopped as often as one likes", async () => {
    const worker = createWorker(memoryBroker(), actors, handlers, { logger });
    expect([worker.state, worker.queues, worker.broker]).toEqual(["idle", ["default", "second"], "memory"]);
    expect([worker.concurrency, worker.shutdownTimeout]).toEqual([100, 30_000]);
    await worker.start({ queues: ["second"], concurrency: 3, shutdownTimeout: "2s" });
    expect([worker.state, worker.queues, worker.healthy]).toEqual(["running", ["second"], true]);
    expect([worker.concurrency, worker.shutdownTimeout]).toEqual([3, 2000]);
    await expect(worker.start()).rejects.toThrow(InvalidOptionError);
    await Promise.all([worker.stop(), worker.stop()]);
    await worker.stop();
    expect(worker.state).toBe("stopped");
    const never = createWorker(memoryBroker(), actors, handlers, { logger });
    await never.stop();
    await expect(never.start()).rejects.toThrow(/stopped/);
  });

  it("takes middleware at its start, made for its broker, outside of its own; what it has already is not doubled", async () => {
    const broker = memoryBroker();
    const log: string[] = [];
    const layer = (name: string): Middleware => {
      return (_task, next) => {
        log.push(name);
        return next();
      };
    };
    const [own, added] = [layer("own"), layer("added")];
    const worker = createWorker(broker, actors, handlers, { logger, middleware: [own] });
    await worker.start({
      middleware(given) {
        expect(given).toBe(broker);
        return [added, own];
      },
    });
    await createActorClient<typeof a>(broker, a).send("x");
    await eventually("the message to be handled", () => log.length > 0);
    await worker.stop();
    expect(log).toEqual(["added", "own"]);
  });

  it("refuses send options that do not exist or are out of range", async () => {
    const client = createActorClient<typeof a>(memoryBroker(), a);
    await expect(client.send("x", { dealy: 5 } as never)).rejects.toThrow(/Did you mean "delay"/);
    await expect(client.send("x", { delay: "soon" } as never)).rejects.toThrow(/"delay" must be a duration/);
    await expect(client.send("x", { priority: 10 } as never)).rejects.toThrow(
      /"priority" must be a whole number from 0 to 9/,
    );
  });
});

describe("a worker's slots", () => {
  it("take nothing ahead while handlers are slow, and what is handled in some milliseconds while they are quick", () => {
    const slots = new WorkerSlots(10, 1, () => undefined);
    expect(slots.reserve(100)).toBe(10);
    for (let i = 0; i < 200; i++) slots.took(1);
    // Ten handlers of 1 ms end fifty messages in 5 ms.
    const ahead = slots.reserve(100);
    expect(ahead).toBeGreaterThan(45);
    expect(ahead).toBeLessThanOrEqual(50);
    expect(slots.reserve(100)).toBe(0);
    for (let i = 0; i < 200; i++) slots.took(1000);
    slots.free(ahead + 2);
    expect(slots.reserve(100)).toBe(2);
  });

  it("take a bounded number ahead, however quick the handlers are", () => {
    const slots = new WorkerSlots(1, 1, () => undefined);
    for (let i = 0; i < 1000; i++) slots.took(0);
    expect(slots.reserve(100_000)).toBe(501);
  });

  it("are shared among queues, and offered again when they come back", () => {
    let offered = 0;
    const slots = new WorkerSlots(10, 2, () => offered++);
    expect(slots.reserve(100)).toBe(5);
    expect(slots.reserve(100)).toBe(3);
    expect(offered).toBe(0);
    slots.free(5);
    expect(offered).toBe(1);
  });
});
