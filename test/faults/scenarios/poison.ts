/** Scenario 7: messages that kill their process each time, side by side. They end as crash loops, and their neighbours complete. */
import { expect } from "vitest";
import { defaults } from "../../../runtime/vocabulary/defaults.js";
import type { Scenario } from "../scenario.js";
import { pause } from "../stage.js";

const POISON = 2;
const { maxCrashes, suspectCrashes } = defaults.broker;

export const poison: Scenario = {
  number: 7,
  title: "messages that kill their process each time",
  timeout: 240_000,
  async play(stage) {
    const workers = await stage.workers(3, { concurrency: 10 });
    const producer = await stage.producer({
      messages: 2000,
      rate: 1_000_000,
      mix: [
        { count: 1000 - POISON, actor: "note", deed: { ms: 5 } },
        { count: POISON, actor: "note", deed: { fate: "kill" } },
        { count: 1000, actor: "job", deed: { ms: 5 } },
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
    for (const { id, body } of letters) {
      expect(stage.ledger.of("ended").has(id)).toBe(false);
      expect(JSON.parse(body)).toMatchObject({ crashes: maxCrashes + 1 });
      const began = stage.ledger.of("began").get(id) ?? [];
      expect(new Set(began.map(({ by }) => by)).size).toBe(began.length);
      // Until it is a suspect, and alone, the other one may kill the worker that holds both before it has begun.
      expect(began.length).toBeGreaterThanOrEqual(maxCrashes + 1 - suspectCrashes);
      expect(began.length).toBeLessThanOrEqual(maxCrashes + 1);
    }
  },
};
