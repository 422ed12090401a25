/** Scenario 7: messages that kill their process each time, side by side. They end as crash loops, and their neighbours complete. */
import { expect } from "vitest";
import { defaults } from "../../../runtime/vocabulary/defaults.js";
import { decodeEnvelope } from "../../../runtime/wire/envelope.js";
import { eventually } from "../../support/eventually.js";
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

    // As a supervisor would: whoever dies is replaced, to the end.
    let over = false;
    const supervising = (async () => {
      while (!over) {
        for (const [place, worker] of workers.entries()) {
          if (!worker.process.running) workers[place] = await stage.worker({ concurrency: 10 });
        }
        await pause(200);
      }
    })();
    const dead = async () => new Set((await stage.venue.deadLetters()).map(({ id }) => id)).size;
    try {
      await eventually("all of them to be dead", async () => (await dead()) >= POISON, 180_000);
      await stage.settled();
    } finally {
      over = true;
      await supervising;
    }

    const letters = await stage.venue.deadLetters();
    expect(await dead()).toBe(POISON);
    for (const { id, body, reason } of letters) {
      expect(reason).toBe("crash-loop");
      expect(stage.ledger.of("ended").has(id)).toBe(false);
      const { crashes } = decodeEnvelope(body);
      expect(crashes).toBeGreaterThan(maxCrashes);
      const began = stage.ledger.of("began").get(id) ?? [];
      expect(new Set(began.map(({ by }) => by)).size).toBe(began.length);
      // Until it is a suspect, and alone, the other one may kill the worker that holds both before it has begun.
      expect(began.length).toBeGreaterThanOrEqual(maxCrashes + 1 - suspectCrashes);
      // On RabbitMQ a kill in between makes two of a message that goes to another lane, and each has its crashes.
      if (stage.venue.kind === "redis") expect(began.length).toBeLessThanOrEqual(maxCrashes + 1);
    }
  },
};
