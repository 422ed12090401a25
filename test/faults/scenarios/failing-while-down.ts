/** Scenario 4: two thousand handlers fail exactly while the server is down. */
import { expect } from "vitest";
import { eventually } from "../../support/eventually.js";
import type { Scenario } from "../scenario.js";

const MESSAGES = 2000;

export const failingWhileDown: Scenario = {
  number: 4,
  title: "handlers that fail while the server is down",
  timeout: 120_000,
  async play(stage) {
    const workers = await stage.workers(2, { concurrency: MESSAGES / 2 });
    const mix = [{ count: 1, actor: "job", deed: { fate: "wait", failures: 1 } }] as const;
    const producer = await stage.producer({ messages: MESSAGES, rate: 1_000_000, mix });
    await eventually("all handlers to run", () => stage.ledger.count("began") === MESSAGES);
    await stage.sentAll(producer);
    const up = await stage.killServer(1000, () => {
      for (const { process } of workers) process.signal("SIGUSR2");
    });
    await stage.fetching(workers, up);
    await stage.settled();
    expect(stage.ledger.count("accepted")).toBe(MESSAGES);
    expect(stage.ledger.count("failed")).toBe(MESSAGES);
  },
};
