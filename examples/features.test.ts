/** One example of each feature that needs no more than a client and a worker, with the testing kit's clock moved by hand. */
import { rateLimiter } from "callboard";
import { createTestKit } from "callboard/testing";
import { use, type Middleware, type WorkerOptions } from "callboard/worker";
import { expect, onTestFinished, test } from "vitest";
import { createClient } from "../generated/client.js";
import { createWorker, type PaymentsHandlers } from "../generated/worker.js";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const payment = (n: number) => ({ userId: `user ${n}`, amount: n });

/** A worker of payments whose handler notes what it was given. */
async function open(options: Pick<WorkerOptions, "middleware"> = {}, charge?: PaymentsHandlers["processPayment"]) {
  const kit = createTestKit();
  onTestFinished(() => kit.close());
  const charged: string[] = [];
  const payments: PaymentsHandlers = {
    async processPayment(input, task) {
      await charge?.(input, task);
      charged.push(input.userId);
      return { receiptId: `r-${input.userId}` };
    },
  };
  await kit.start(createWorker(kit.broker, { payments }, { ...options, queues: ["high-priority"], logger: silent }));
  return { kit, charged, client: createClient(kit.broker).payments.processPayment };
}

test("a middleware of one's own: large payments wait for the morning", async () => {
  const untilMorning = 8 * 60 * 60_000;
  let night = true;
  const officeHours: Middleware = (task, next) => {
    const { amount } = task.input as { amount: number };
    return night && amount > 1000 ? { kind: "postpone", delay: untilMorning } : next();
  };
  const { kit, charged, client } = await open({ middleware: [use(officeHours, { before: "retries" })] });
  await client.sendMany([payment(20), payment(5000)]);
  await kit.drain();
  expect(charged).toEqual(["user 20"]);
  night = false;
  await kit.advance("8h");
  expect(charged).toEqual(["user 20", "user 5000"]);
});

test("a rate limit by hand: the gateway takes two calls a second, and no attempt is lost over that", async () => {
  const attempts: number[] = [];
  const { kit, charged, client } = await open({}, async (_, task) => {
    await rateLimiter(kit.broker, "gateway", { limit: 2, per: "1s" }).acquire();
    attempts.push(task.message.attempt);
    return { receiptId: "" };
  });
  await client.sendMany([1, 2, 3, 4].map(payment));
  await kit.drain();
  expect(charged).toHaveLength(2);
  await kit.advance("1s");
  expect(charged).toHaveLength(4);
  expect(attempts).toEqual([1, 1, 1, 1]);
});

test("a schedule made at run time: a fee at three every night, in the time of its city", async () => {
  const { kit, charged, client } = await open();
  await client.schedule("fee", { cron: "0 3 * * *", timeZone: "Europe/Lisbon", input: payment(1) });
  await kit.advance("2d");
  expect(charged).toHaveLength(2);
  expect(await client.unschedule("fee")).toBe(true);
  await kit.advance("2d");
  expect(charged).toHaveLength(2);
});

test("an id of one's own: the same order is charged once, however often it is sent", async () => {
  const { kit, charged, client } = await open();
  const first = await client.send(payment(7), { id: "order-7" });
  const again = await client.send(payment(7), { id: "order-7" });
  await kit.drain();
  expect(charged).toEqual(["user 7"]);
  expect(await again.result()).toEqual(await first.result());
});

test("a cancelled message: it is due tomorrow, and never runs", async () => {
  const { kit, charged, client } = await open();
  const message = await client.send(payment(9), { delay: "1d" });
  expect(await message.cancel()).toBe("cancelled");
  await expect(message.result()).rejects.toMatchObject({ code: "CANCELLED" });
  await kit.advance("2d");
  expect(charged).toEqual([]);
});
