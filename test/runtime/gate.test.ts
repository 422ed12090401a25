/** A message that is no longer its worker's takes no place and waits for none. */
import { LeaseLostError, memoryBroker, ShutdownError } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { createWorker, use, type Middleware } from "callboard/worker";
import { expect, it, vi } from "vitest";
import { z } from "zod";
import { limitStoreOf } from "../../runtime/seams/limits.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

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
