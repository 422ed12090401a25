/** Scenario 3: the network is cut, goes silent for longer than a lease, becomes slow, and lets one byte through at a time. */
import { expect } from "vitest";
import { machineTime } from "../ledger.js";
import type { Scenario } from "../scenario.js";
import { pause } from "../stage.js";

export const network: Scenario = {
  number: 3,
  title: "network cut, silent, slow, one byte at a time",
  timeout: 180_000,
  async play(stage) {
    const workers = await stage.workers(3, { concurrency: 20 });
    const producer = await stage.producer({
      messages: 1_000_000,
      rate: 150,
      mix: [
        { count: 8, actor: "note", deed: { ms: 5 } },
        { count: 1, actor: "job", deed: { ms: 5 } },
        { count: 1, actor: "note", deed: { ms: 200 } },
      ],
    });
    const wires = [...workers, producer].map(({ wire }) => wire);
    const restore = () => {
      for (const wire of wires) wire.restore();
      return machineTime();
    };
    await pause(1000);

    await Promise.all(wires.map((wire) => wire.cut()));
    await stage.fetching(workers, machineTime());
    await Promise.all(wires.map((wire) => wire.sever()));
    await pause(2000);
    await stage.fetching(workers, restore());

    for (const wire of wires) wire.freeze();
    await pause(2 * stage.venue.recovery.silent);
    await stage.fetching(workers, restore());

    // Slow is no fault: work goes on in the meantime.
    for (const wire of wires) wire.delay(200);
    await stage.fetching(workers, machineTime());
    await pause(2000);
    for (const wire of wires) wire.trickle();
    await stage.fetching(workers, machineTime());
    await pause(2000);
    await stage.fetching(workers, restore());

    await stage.sentAtLeast(producer, 2000);
    await stage.endSending(producer);
    await stage.settled();
    expect(workers.every(({ process }) => process.running)).toBe(true);
  },
};
