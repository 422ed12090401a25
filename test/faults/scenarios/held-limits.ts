/** Scenario 13: workers of an actor with a limit of concurrency are killed with -9, with slots that they hold. */
import { expect } from "vitest";
import { eventually } from "../../support/eventually.js";
import { SLOTS } from "../actors.js";
import { machineTime, type Ledger } from "../ledger.js";
import type { Scenario } from "../scenario.js";

const KILLS = 3;
/** How many messages come at once, and how many of them are begun when a worker is killed. */
const BURST = 120;
const BEGUN = 30;

export const heldLimits: Scenario = {
  number: 13,
  title: "workers killed with -9 that hold slots of a limit",
  stateful: true,
  timeout: 150_000,
  async play(stage) {
    const workers = await stage.workers(3, { concurrency: 10 });
    const deaths = new Map<string, number>();
    for (let kills = 0; kills < KILLS; kills++) {
      const begun = stage.ledger.count("began");
      const mix = [{ count: 1, actor: "limited", deed: { ms: 40 } }] as const;
      const producer = await stage.producer({ messages: BURST, rate: 1_000_000, mix });
      await eventually("some messages to be begun", () => stage.ledger.count("began") > begun + BEGUN);
      const victim = workers.shift();
      if (victim === undefined) break;
      // From now on: its end may be seen much later, when others have had its slots for long.
      deaths.set(victim.name, machineTime());
      await victim.process.end("SIGKILL");
      await stage.sentAll(producer);
      await stage.settled();
      workers.push(await stage.worker({ concurrency: 10 }));
    }
    const most = mostAtOnce(stage.ledger, deaths);
    stage.remark(`${most} of ${SLOTS} slots at once`);
    expect(most).toBe(SLOTS);
  },
};

/** How many were at work at once who lived. */
function mostAtOnce(ledger: Ledger, deaths: ReadonlyMap<string, number>): number {
  const steps: { readonly at: number; readonly by: 1 | -1 }[] = [];
  for (const { id, by, at } of ledger.all("began")) {
    const ended = ledger.of("ended").get(id) ?? [];
    const end = ended.find((note) => note.by === by && note.at >= at)?.at ?? Math.max(at, deaths.get(by) ?? Infinity);
    steps.push({ at, by: 1 }, { at: end, by: -1 });
  }
  let [inside, most] = [0, 0];
  for (const { by } of steps.toSorted((a, b) => a.at - b.at || a.by - b.by)) most = Math.max(most, (inside += by));
  return most;
}
