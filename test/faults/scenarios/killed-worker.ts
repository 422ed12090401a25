/** Scenario 1: one of three workers is killed with -9 again and again, with messages that it runs and that it took ahead. */
import { expect } from "vitest";
import { eventually } from "../../support/eventually.js";
import { machineTime, type Ledger } from "../ledger.js";
import type { Scenario } from "../scenario.js";
import { SLACK } from "../stage.js";

const KILLS = 5;
/** How many messages come at once, and how many of them are begun when a worker is killed. */
const BURST = 600;
const BEGUN = 200;
/** Before this time is over, in milliseconds, every message has ended that nobody holds who is dead. */
const PASSING = 1000;

export const killedWorker: Scenario = {
  number: 1,
  title: "one of three workers killed with -9, five times",
  timeout: 120_000,
  async play(stage) {
    const workers = await stage.workers(3, { concurrency: 10 });
    const waits: number[] = [];
    for (let kills = 0; kills < KILLS; kills++) {
      const begun = stage.ledger.count("began");
      // Quick ones, so that workers take messages ahead.
      const mix = [
        { count: 4, actor: "note", deed: { ms: 6 } },
        { count: 1, actor: "job", deed: { ms: 6 } },
      ] as const;
      const producer = await stage.producer({ messages: BURST, rate: 1_000_000, mix });
      await eventually("some messages to be begun", () => stage.ledger.count("began") > begun + BEGUN);
      const victim = workers.shift();
      if (victim === undefined) break;
      const killed = machineTime();
      await victim.process.end("SIGKILL");
      await stage.sentAll(producer);
      await stage.settledBefore(killed);
      waits.push(...waitsOf(stage.ledger, victim.name, killed));
      workers.push(await stage.worker({ concurrency: 10 }));
    }
    await stage.settled();
    expect(waits.length).toBeGreaterThanOrEqual(KILLS);
    for (const wait of waits) stage.recovered(wait);
    expect(Math.max(...waits)).toBeLessThan(stage.venue.recovery.killed + SLACK);
  },
};

/** How long after a kill those messages ended that were in the killed worker's hands. */
function waitsOf(ledger: Ledger, victim: string, killed: number): readonly number[] {
  return [...ledger.of("accepted")].flatMap(([id, [accepted]]) => {
    const wait = (ledger.of("ended").get(id)?.[0]?.at ?? Infinity) - killed;
    const begun =
      ledger
        .of("began")
        .get(id)
        ?.some(({ by }) => by === victim) === true;
    // What was only taken ahead shows itself by how long it waits.
    const takenAhead = accepted !== undefined && accepted.at < killed && wait > PASSING;
    return (begun && wait > 0) || takenAhead ? [wait] : [];
  });
}
