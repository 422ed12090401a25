/** A message that is no longer its worker's takes no place and waits for none. */
import { LeaseLostError, memoryBroker, ShutdownError } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { createWorker, use, type Middleware } from "callboard/worker";
import { expect, it, vi } from "vitest";
import { z } from "zod";
import { limitStoreOf, type LimitStore } from "../../runtime/seams/limits.js";
import { MovableClock } from "../../runtime/testing/clock.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually, turn } from "../support/eventually.js";

type Job = Actor<{ input: unknown; output: unknown }>;

it.each([new LeaseLostError("others have it"), new ShutdownError("the worker is shutting down")])(
  "gives a message back unasked that its worker lost before it came to its limits: $name",
  async (reason) => {
    const broker = memoryBroker();
    const acquire = vi.spyOn(limitStoreOf(broker, "this test"), "acquire");
    const job: Job = testActor("job", { input: z.unknown(), output: z.unknown(), concurrencyLimit: { limit: 1 } });
    const handler = vi.fn();
    let deliveries = 0;
    const stall: Middleware = (task, next) => {
      deliveries += 1;
      if (deliveries === 1) task.abort(reason);
      return next();
    };
    const options = { logger: new TestLogger(), middleware: [use(stall, { before: "limits" })] };
    const worker = createWorker(broker, { test: { job } }, { test: { job: handler } }, options);
    await worker.start();
    await createActorClient(broker, job).send(1);
    await eventually("the handler ran", () => handler.mock.calls.length > 0);
    await worker.stop();
    expect(deliveries).toBe(2);
    expect(acquire).toHaveBeenCalledOnce();
  },
);

/** A worker that was given a message in its turn which ends before its limits are asked, and what its gate is told then. */
async function declining(decline: LimitStore["decline"]) {
  const broker = memoryBroker();
  const spied = vi.spyOn(limitStoreOf(broker, "this test"), "decline").mockImplementation(decline);
  const job: Job = testActor("job", { input: z.unknown(), output: z.unknown(), concurrencyLimit: { limit: 1 } });
  const logger = new TestLogger();
  const end: Middleware = () => ({ kind: "done", output: null });
  const options = { logger, middleware: [use(end, { before: "limits" })] };
  const worker = createWorker(broker, { test: { job } }, { test: { job: () => null } }, options);
  await worker.start();
  const body = JSON.stringify({ id: "a", actor: job.name, v: job.fingerprint, at: 1, turn: 1, input: 1 });
  await broker.publish([{ id: "a", queue: job.options.queue, priority: 5, delay: 0, body }]);
  await eventually("the turn to be declined", () => spied.mock.calls.length > 0);
  return { worker, logger };
}

it("waits at its end for a turn that is on its way to the next message", async () => {
  let answer: (() => void) | undefined;
  const { worker } = await declining(() => new Promise((resolve) => (answer = () => resolve({ calls: [] }))));
  let stopped = false;
  const stopping = worker.stop().then(() => (stopped = true));
  await eventually("everything else to end", () => worker.running === 0);
  for (let i = 0; i < 20; i++) await turn();
  expect(stopped).toBe(false);
  answer?.();
  await stopping;
  expect(worker.state).toBe("stopped");
});

it("tells of a turn that could not be left to the next message", async () => {
  const { worker, logger } = await declining(() => Promise.reject(new Error("the store is away")));
  await worker.stop();
  expect(logger.lines).toContainEqual(
    expect.objectContaining({ level: "warn", message: "its place is kept for a while, although it has ended" }),
  );
});

it("ends a worker in good time although the store of limits does not answer", async () => {
  const clock = new MovableClock();
  const broker = memoryBroker({ clock });
  const asked = vi.spyOn(limitStoreOf(broker, "this test"), "advance").mockReturnValue(new Promise(() => {}));
  const job: Job = testActor("job", { input: z.unknown(), output: z.unknown(), concurrencyLimit: { limit: 1 } });
  const worker = createWorker(broker, { test: { job } }, { test: { job: () => null } }, { logger: new TestLogger() });
  await worker.start();
  await eventually("the store to be asked", () => asked.mock.calls.length > 0);
  const stopping = worker.stop();
  await eventually("everything else to end", () => worker.running === 0);
  for (let i = 0; i < 20; i++) await turn();
  expect(worker.state).toBe("stopping");
  await clock.pass(10_000);
  await stopping;
  expect(worker.state).toBe("stopped");
});
