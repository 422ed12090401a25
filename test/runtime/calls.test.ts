/** What a caller hears of its own timeout. */
import { setTimeout as wait } from "node:timers/promises";
import { memoryBroker } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { expect, it, vi } from "vitest";
import { z } from "zod";
import { testActor } from "../support/actors.js";

type Ask = Actor<{ input: string; output: string }>;

it("is the timeout that it gave, though some of it went by before the waiting began", async () => {
  const broker = memoryBroker();
  vi.spyOn(broker.results, "address").mockReturnValue(wait(20, "here"));
  const ask: Ask = testActor("ask", { input: z.string(), output: z.string() });
  const call = createActorClient(broker, ask).call("anybody there?", { timeout: 60 });
  await expect(call).rejects.toMatchObject({
    code: "RESULT_TIMEOUT",
    timeout: 60,
    message: expect.stringContaining(" after 60 ms; "),
  });
  await broker.close();
});
