/** Scenario 5: handlers block the event loop of their workers for three leases, with other messages in their hands. */
import { expect } from "vitest";
import { eventually } from "../../support/eventually.js";
import type { Scenario } from "../scenario.js";

export const blockedLoop: Scenario = {
  number: 5,
  title: "event loop blocked for three leases",
  timeout: 120_000,
  async play(stage) {
    const { silent } = stage.venue.recovery;
    const workers = await stage.workers(3, { concurrency: 10 });
    const producer = await stage.producer({
      messages: 2000,
      rate: 1000,
      mix: [
        { count: 500, actor: "note", deed: { ms: 5 } },
        { count: 499, actor: "job", deed: { ms: 5 } },
        { count: 1, actor: "job", deed: { fate: "block", ms: 3 * silent } },
      ],
    });
    await stage.sentAll(producer);
    await stage.settled();
    await stage.answeredAll(producer, 10 * silent);

    const { ledger } = stage;
    await eventually("both to learn of their loss", () => ledger.count("aborted") === 2);
    const blocked = ledger.all("aborted");
    for (const { id, by, detail, at } of blocked) {
      expect(detail).toBe("LeaseLostError");
      const others =
        ledger
          .of("ended")
          .get(id)
          ?.filter((note) => note.by !== by) ?? [];
      expect(others.length).toBeGreaterThan(0);
      // Whoever asked had another one's answer before the blocked worker came back, and kept it.
      const [answered] = ledger.of("answered").get(id) ?? [];
      expect(others.map((note) => note.by)).toContain(answered?.detail);
      expect(answered?.at).toBeLessThan(at);
      stage.recovered((others[0]?.at ?? Infinity) - (ledger.of("began").get(id)?.[0]?.at ?? 0));
      const worker = workers.find(({ name }) => name === by);
      await eventually(
        `${by} to be refused`,
        () => worker?.process.lines.some((line) => line.startsWith("too late")) === true,
      );
    }
  },
};
