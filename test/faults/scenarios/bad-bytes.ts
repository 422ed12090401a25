/** Scenario 8: bad bytes in every place that Callboard reads from a broker, among good messages. */
import { CallboardError } from "callboard";
import { createActorClient } from "callboard/client";
import { expect } from "vitest";
import { job } from "../actors.js";
import { hostileBytes, hostileResults } from "../bytes.js";
import { openBroker } from "../plan.js";
import type { Scenario } from "../scenario.js";
import { seed } from "../seed.js";
import type { Venue } from "../venue.js";

/** How many pieces go to each place. */
const PIECES = 250;

export const badBytes: Scenario = {
  number: 8,
  title: "bad bytes in every place",
  timeout: 180_000,
  async play(stage) {
    const start = seed(stage);
    const workers = await stage.workers(3, { concurrency: 5 });
    const producer = await stage.producer({
      messages: 2000,
      rate: 250,
      mix: [
        { count: 5, actor: "job", deed: { ms: 2 } },
        { count: 3, actor: "note", deed: { failures: 1 } },
        { count: 2, actor: "note", options: { delay: 500 } },
      ],
    });
    await stage.sentAtLeast(producer, 50);
    const { venue } = stage;
    for (const [index, place] of venue.places.entries()) {
      for (const bytes of hostileBytes(PIECES, start + index)) await venue.inject(place, bytes);
    }
    await readResults(venue, start);
    expect(workers.every(({ process }) => process.running)).toBe(true);
    // What a worker holds is read again when it is dead.
    await Promise.all(workers.map(({ process }) => process.end("SIGKILL")));
    const others = await stage.workers(2, { concurrency: 5 });
    await stage.sentAll(producer);
    await stage.settled();
    await stage.answeredAll(producer);

    expect(others.every(({ process }) => process.running)).toBe(true);
    expect(stage.ledger.all("polluted")).toEqual([]);
    // All but those that were put among the dead letters themselves: they are passed over.
    expect(await venue.deadLetters()).toHaveLength(PIECES * (venue.places.length - 1));
  },
};

/** Whoever waits for a result that is malformed is told so, in our own words. */
async function readResults(venue: Venue, start: number): Promise<void> {
  const broker = openBroker(venue.plan);
  const client = createActorClient<typeof job>(broker, job);
  const address = await broker.results.address();
  const read = async (bytes: Buffer): Promise<void> => {
    // It comes to be answered long after the test has looked.
    const deed = { n: 1, ms: 0, failures: 0, fate: "none" } as const;
    const message = await client.send(deed, { delay: "5s" });
    const result = message.result({ timeout: 2000 }).then(
      () => new Error(`a malformed result was taken for an answer: ${bytes.toString()}`),
      (error: unknown) => error,
    );
    await venue.answer(address, message.id, bytes);
    const error = await result;
    if (!(error instanceof CallboardError)) throw new Error(`result() with ${bytes.toString()}`, { cause: error });
  };
  try {
    await Promise.all(hostileResults(PIECES, start).map(read));
    expect(Object.keys(Object.prototype)).toEqual([]);
  } finally {
    await broker.close();
  }
}
