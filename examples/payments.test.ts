/** How handlers are tested with the testing kit: without a server, without waiting, and with the faults that happen. */
import { createTestKit } from "callboard/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { createClient } from "../generated/client.js";
import { createWorker } from "../generated/worker.js";
import { declinedUser } from "./gateway.js";
import { payments } from "./handlers/payments.js";

async function open() {
  // Workers log on standard output.
  vi.stubEnv("LOG_LEVEL", "silent");
  const kit = createTestKit({ failFast: false });
  onTestFinished(() => kit.close());
  await kit.start(createWorker(kit.broker, { payments }, { queues: ["high-priority"] }));
  return { kit, client: createClient(kit.broker).payments.processPayment };
}

test("a payment comes through at the third attempt, a moment after the gateway was busy twice", async () => {
  const { kit, client } = await open();
  const message = await client.send({ userId: "ada", amount: 20 });
  await kit.advance("1s");
  expect(await message.result()).toEqual({ receiptId: expect.stringMatching(/^r-/) });
  expect(kit.failures).toMatchObject([
    { attempt: 1, error: { name: "GatewayBusyError" } },
    { attempt: 2, error: { name: "GatewayBusyError" } },
  ]);
});

test("a payment comes through although three workers die with it", async () => {
  const { kit, client } = await open();
  kit.faults.crash(3);
  const message = await client.send({ userId: "grace", amount: 99.5 });
  await kit.advance("1m");
  expect(await message.result()).toEqual({ receiptId: expect.stringMatching(/^r-/) });
  expect(kit.deadLetters).toEqual([]);
});

test("a declined card is not tried again, and its message is kept", async () => {
  const { kit, client } = await open();
  await expect(client.call({ userId: declinedUser, amount: 5000 })).rejects.toThrow(/declined 5000 euros/);
  expect(kit.deadLetters).toMatchObject([{ reason: "do-not-retry", attempts: 1 }]);
});
