/** Scenario 6: clients' clocks are an hour ahead and an hour behind; the server's is the one that counts. */
import { expect } from "vitest";
import type { Ledger } from "../ledger.js";
import type { Scenario } from "../scenario.js";

const HOUR = 3_600_000;
const DELAY = 1500;

export const wrongClocks: Scenario = {
  number: 6,
  title: "client clocks an hour ahead and an hour behind",
  timeout: 120_000,
  async play(stage) {
    const clocks = [HOUR, -HOUR];
    await Promise.all(clocks.map((clockAhead) => stage.worker({ clockAhead, concurrency: 20 })));
    const victim = await stage.worker({ clockAhead: HOUR, concurrency: 20 });
    const mix = [
      { count: 4, actor: "job", deed: { ms: 5 } },
      { count: 2, actor: "note", deed: { ms: 5, failures: 1 } },
      { count: 4, actor: "novelty", options: { delay: DELAY } },
    ] as const;
    const plans = clocks.map((clockAhead) => ({ messages: 1000, rate: 250, mix, clockAhead }));
    const producers = await Promise.all(plans.map((plan) => stage.producer(plan)));
    await Promise.all(producers.map((producer) => stage.sentAll(producer)));
    await stage.settled();
    const { ledger } = stage;

    const late = latenessOf(ledger);
    expect(late.length).toBeGreaterThan(200);
    // The server counts in whole milliseconds.
    expect(Math.min(...late)).toBeGreaterThan(-2);
    expect(Math.max(...late)).toBeLessThan(HOUR / 60);
    // A clock that moved a lease would have had every message taken away from its worker.
    const twice = [...ledger.of("ended").values()].filter((notes) => notes.length > 1);
    expect(twice.length).toBeLessThan(200);

    await victim.process.end("SIGKILL");
    const producer = await stage.producer({ messages: 200, rate: 1000, mix: [{ count: 1, actor: "job" }] });
    await stage.sentAll(producer);
    await stage.settled();
  },
};

/** How much later than its delay each delayed message was begun, in milliseconds. */
function latenessOf(ledger: Ledger): readonly number[] {
  return ledger.all("accepted").flatMap(({ id, detail }) => {
    const [actor, asked] = detail.split(" ");
    return actor === "novelty" ? [(ledger.of("began").get(id)?.[0]?.at ?? Infinity) - Number(asked) - DELAY] : [];
  });
}
