/** Scenario 10: a deploy under load. Newer workers, with one actor more, take the place of older ones, one by one. */
import { expect } from "vitest";
import type { Scenario } from "../scenario.js";
import { pause } from "../stage.js";

export const deploy: Scenario = {
  number: 10,
  title: "deploy under load, two versions side by side",
  timeout: 120_000,
  async play(stage) {
    const older = await stage.workers(3, { version: "older", concurrency: 20 });
    const load = await stage.producer({
      messages: 1_000_000,
      rate: 300,
      mix: [
        { count: 7, actor: "note", deed: { ms: 5 } },
        { count: 2, actor: "job", deed: { ms: 5 } },
        { count: 1, actor: "job", deed: { ms: 400 } },
      ],
    });
    await pause(1000);
    // The newer producer is there before any worker that knows its actor.
    const newer = await stage.producer({ messages: 200, rate: 50, mix: [{ count: 1, actor: "novelty" }] });
    for (const worker of older) {
      await pause(1000);
      await stage.worker({ version: "newer", concurrency: 20 });
      worker.process.signal("SIGTERM");
    }
    await stage.sentAll(newer);
    await pause(1000);
    await stage.sentAtLeast(load, 2000);
    await stage.endSending(load);
    await stage.settled();

    const { ledger } = stage;
    for (const { process } of older) {
      await process.ended();
      expect(process.exitCode).toBe(0);
    }
    // Who shuts down counts no attempt.
    expect(ledger.all("began").filter(({ detail }) => detail !== "1")).toEqual([]);
    expect((await stage.venue.deadLetters()).map(({ actor, reason }) => `${actor}: ${reason}`)).toEqual([]);
  },
};
