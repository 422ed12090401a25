/**
 * Scenario 14: what is to be there once stays single. Workers, producers, the server and the state store are killed with
 * -9 while messages claim few keys and schedules are due every second.
 */
import { expect } from "vitest";
import { eventually } from "../../support/eventually.js";
import { KEYS } from "../actors.js";
import { machineTime, type Event, type Ledger } from "../ledger.js";
import type { Scenario } from "../scenario.js";
import { pause, type Player, type Stage } from "../stage.js";

const SECOND = 1000;
/** How many ticks there are at least. */
const TICKS = 12;
/** How long a key of a sender who failed may be pending before the last round can have it, in milliseconds, and more. */
const PENDING = 40_000;

export const singleness: Scenario = {
  number: 14,
  title: "unique messages and schedules, all killed with -9",
  stateful: true,
  timeout: 180_000,
  async play(stage) {
    const { venue, ledger } = stage;
    const workers = await stage.workers(3, { version: "scheduled", concurrency: 10 });
    const mix = [
      { count: 6, actor: "claimed", deed: { ms: 20 } },
      { count: 1, actor: "claimed", deed: { ms: 200, failures: 1 } },
      { count: 1, actor: "claimed", options: { delay: 300 } },
    ] as const;
    const load = { messages: 1_000_000, rate: 150, mix };
    let producer = await stage.producer(load);
    await eventually("the first ticks", () => fresh(ledger, "each").size > 2, PENDING);
    // Two servers die once each, or one of them twice.
    for (const down of venue.store === undefined ? [300, 1500] : [SECOND]) {
      await replaceOne(stage, workers);
      await producer.process.end("SIGKILL");
      producer = await stage.producer(load);
      await stage.killServer(down);
    }
    await replaceOne(stage, workers);
    if (venue.store !== undefined) {
      await venue.store.kill();
      await pause(SECOND);
      await venue.store.restart();
    }
    await pause(2 * SECOND);
    await stage.endSending(producer);
    await stage.settled();

    // A key that were still claimed would send nothing, and neither would a schedule that waits for its last message.
    const before = ledger.of("accepted").size;
    const asked = machineTime();
    const last = await stage.producer({ messages: KEYS, rate: 1_000_000, mix: [{ count: 1, actor: "claimed" }] });
    await stage.sentAll(last, PENDING);
    expect(ledger.of("accepted").size - before).toBe(KEYS);
    for (const schedule of ["each", "alone"]) {
      const ticks = () => [...fresh(ledger, schedule).values()].flat();
      await eventually(`ticks of "${schedule}"`, () => ticks().some(({ at }) => at > asked), PENDING);
    }

    await eventually("enough ticks to tell", () => fresh(ledger, "each").size > TICKS, PENDING);

    // Those who fire stop, so that the server can come to rest.
    for (const { process } of workers) process.signal("SIGTERM");
    for (const { process } of workers) await process.ended();
    await stage.worker({ version: "unscheduled", concurrency: 10 });
    await stage.settled();
    stage.remark(`${ticksOnce(ledger)} ticks in turn, ${ledger.of("keyed").size} messages of ${KEYS} keys`);
    expect(together(ledger)).toEqual([]);
  },
};

/** One worker is killed, another takes its place. */
async function replaceOne(stage: Stage, workers: Player[]): Promise<void> {
  await pause(2 * SECOND);
  await workers.shift()?.process.end("SIGKILL");
  workers.push(await stage.worker({ version: "scheduled", concurrency: 10 }));
}

/** The messages of a schedule as they came to a worker first, by the time of their tick. */
function fresh(ledger: Ledger, schedule: string) {
  ledger.read();
  const begins = `faults.timed#${schedule}@`;
  const notes = [...ledger.of("fresh")].filter(([id]) => id.startsWith(begins));
  return new Map(notes.map(([id, all]) => [Date.parse(id.slice(begins.length)), all] as const));
}

/** Expects that none of the ticks is missing, that none came twice, and that all were handled; how many there were. */
function ticksOnce(ledger: Ledger): number {
  const ended = ledger.of("ended");
  const seen = new Map([...ended.keys()].flatMap((id) => (id.includes("#each@") ? [[tickOf(id), id] as const] : [])));
  const [first, latest] = [Math.min(...seen.keys()), Math.max(...seen.keys())];
  const all = Array.from({ length: (latest - first) / SECOND + 1 }, (_, i) => first + i * SECOND);
  expect(all.length).toBeGreaterThan(TICKS);
  expect(all.filter((tick) => !seen.has(tick))).toEqual([]);
  for (const schedule of ["each", "alone"]) {
    expect([...fresh(ledger, schedule)].filter(([, notes]) => notes.length > 1)).toEqual([]);
  }
  return all.length;
}

function tickOf(id: string): number {
  return Date.parse(id.slice(id.indexOf("@") + 1));
}

/** Messages of one key that were at work at once. One that comes again after its end, as it may, has no key any more. */
function together(ledger: Ledger): readonly string[] {
  const spans = [...ledger.of("keyed")].map(([id, [keyed]]) => ({
    id,
    key: keyed?.detail,
    from: keyed?.at ?? 0,
    to: ledger.of("ended").get(id)?.[0]?.at ?? Infinity,
  }));
  const inOrder = spans.toSorted((a, b) => a.from - b.from);
  const last = new Map<string | undefined, (typeof spans)[number]>();
  return inOrder.flatMap((span) => {
    const before = last.get(span.key);
    if (before === undefined || before.to < span.to) last.set(span.key, span);
    if (before === undefined || span.from >= before.to) return [];
    return [`key ${span.key}: ${[before.id, span.id].map((id) => historyOf(ledger, id)).join("; ")}`];
  });
}

/** What was noted of a message, in the order of time, for people. */
function historyOf(ledger: Ledger, id: string): string {
  const events: readonly Event[] = ["accepted", "keyed", "began", "failed", "ended"];
  const notes = events.flatMap((event) => ledger.of(event).get(id) ?? []).toSorted((a, b) => a.at - b.at);
  return `${id} ${notes.map(({ event, by, at }) => `${event} ${at.toFixed(0)} (${by})`).join(", ")}`;
}
