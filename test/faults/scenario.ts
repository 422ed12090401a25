/** A scenario, and how all of them become tests on one broker. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Stage } from "./stage.js";
import { clearVerdicts, keepVerdict } from "./verdict.js";
import type { Theatre } from "./venue.js";

/** Whether scenarios run for as long as one would let them run overnight. */
export const SOAK = process.env["SOAK"] === "1";

/** One thing that goes wrong. */
export interface Scenario {
  /** Its number in the table. */
  readonly number: number;
  /** What happens, in a few words. */
  readonly title: string;
  /** Whether it needs a state store, which not every broker is. */
  readonly stateful?: boolean;
  /** How long it may take, in milliseconds. */
  readonly timeout: number;
  /** Plays it, and checks what it promises beyond that nothing is lost or stuck. */
  play(stage: Stage): Promise<void>;
}

/** Plays scenarios one after the other on one server. */
export function describeScenarios(name: string, open: () => Promise<Theatre>, scenarios: readonly Scenario[]): void {
  describe(`faults on ${name}`, () => {
    let theatre: Theatre;
    beforeAll(async () => {
      theatre = await open();
      clearVerdicts(theatre.kind);
    }, 120_000);
    afterAll(() => theatre.close());

    for (const { number, title, timeout, stateful = false, play } of scenarios) {
      test(`${number}. ${title}`, { timeout }, async () => {
        const venue = await theatre.open(title.replace(/\W+/g, "-"), stateful);
        const stage = new Stage(venue);
        try {
          await play(stage);
          const verdict = await stage.verdict(number, title);
          keepVerdict(verdict);
          expect(verdict).toMatchObject({ lost: [], stuck: [], unanswered: [] });
        } finally {
          await stage.close();
        }
      });
    }
  });
}
