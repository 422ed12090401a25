/** Scenario 2: the server is killed with -9 under load and started again, twice. Redis writes each command to disk. */
import { expect } from "vitest";
import type { Scenario } from "../scenario.js";
import { pause } from "../stage.js";

export const killedServer: Scenario = {
  number: 2,
  title: "server killed with -9 under load, twice",
  timeout: 180_000,
  async play(stage) {
    const workers = await stage.workers(3, { concurrency: 20 });
    const producer = await stage.producer({
      messages: 1_000_000,
      rate: 300,
      mix: [
        { count: 7, actor: "note", deed: { ms: 5 } },
        { count: 2, actor: "job", deed: { ms: 5 } },
        { count: 1, actor: "note", deed: { ms: 200 } },
      ],
    });
    for (const down of [300, 1500]) {
      await pause(2000);
      await stage.fetching(workers, await stage.killServer(down));
    }
    await pause(2000);
    await stage.sentAtLeast(producer, 2000);
    await stage.endSending(producer);
    await stage.settled();
    expect(workers.every(({ process }) => process.running)).toBe(true);
  },
};
