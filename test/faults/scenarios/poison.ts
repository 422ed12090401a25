/** Scenario 7: messages that kill their process each time. They end as crash loops, and their neighbours complete. */
import { expect } from "vitest";
import { defaults } from "../../../runtime/vocabulary/defaults.js";
import type { Scenario } from "../scenario.js";
import { pause } from "../stage.js";

const POISON = 2;
/** How many workers a message may kill before it is dead; stated in `runtime/vocabulary/defaults.ts`. */
const MOST_CRASHES = defaults.broker.maxCrashes;

export const poison: Scenario = {
  number: 7,
  title: "messages that kill their process each time",
  timeout: 240_000,
  async play(stage) {
    const workers = await stage.workers(3, { concurrency: 10 });
    const producer = await stage.producer({
      messages: 1000 * POISON,
      rate: 1_000_000,
      mix: [
        { count: 499, actor: "note", deed: { ms: 5 } },
        { count: 1, actor: "note", deed: { fate: "kill" } },
        { count: 500, actor: "job", deed: { ms: 5 } },
      ],
    });
    await stage.sentAll(producer);

    // As a supervisor would: whoever dies is replaced.
    const deadline = performance.now() + 180_000;
    while (performance.now() < deadline && (await stage.venue.deadLetters()).length < POISON) {
      for (const [place, worker] of workers.entries()) {
        if (!worker.process.running) workers[place] = await stage.worker({ concurrency: 10 });
      }
      await pause(200);
    }
    await stage.settled();

    const letters = await stage.venue.deadLetters();
    expect(letters.map(({ reason }) => reason)).toEqual(Array.from({ length: POISON }, () => "crash-loop"));
    for (const { id } of letters) {
      expect(stage.ledger.of("ended").has(id)).toBe(false);
      expect(stage.ledger.of("began").get(id)).toHaveLength(MOST_CRASHES + 1);
    }
  },
};
