/** Scenario 12: a long queue waits, and then goes through one worker, whose memory stays as it is. */
import { createActorClient } from "callboard/client";
import { expect } from "vitest";
import { eventually } from "../../support/eventually.js";
import { tick } from "../actors.js";
import { openBroker } from "../plan.js";
import { SOAK, type Scenario } from "../scenario.js";
import type { Player } from "../stage.js";
import type { Venue } from "../venue.js";

/** How many messages wait: RabbitMQ takes ten times as long for each. */
const MESSAGES = { redis: 1_000_000, rabbitmq: SOAK ? 1_000_000 : 100_000 } as const;
const BATCH = 1000;
/** How many batches are under way at once. */
const WIDTH = 4;
const REPORTS = 10;
const MEGABYTE = 1024 * 1024;

export const flood: Scenario = {
  number: 12,
  title: "a long queue through one worker",
  timeout: SOAK ? 3_600_000 : 300_000,
  async play(stage) {
    const { venue } = stage;
    const messages = MESSAGES[venue.kind];
    const before = await venue.memory();
    await send(venue, messages);
    const full = await venue.memory();

    const worker = await stage.flood({ messages, reports: REPORTS });
    await eventually("all messages to be handled", () => worker.process.lines.includes("handled all"), 3_600_000);
    stage.counted(messages);
    await worker.process.end("SIGTERM");
    await stage.settled();

    const room = (full - before) / 4 + 8 * MEGABYTE;
    let after = full;
    // What is no longer needed a server frees in its own time.
    const isFree = async () => (after = await venue.memory()) - before < room;
    await eventually("the server's memory to be free again", isFree, 60_000);
    const inMegabytes = (bytes: number) => `${(bytes / MEGABYTE).toFixed(0)} MB`;
    const reports = memoryOf(worker);
    const [early, last] = [reports[1], reports.at(-1)];
    if (early === undefined || last === undefined) throw new Error("the worker said nothing of its memory");
    stage.remark(`${messages} messages`);
    stage.remark(`server: ${[before, full, after].map(inMegabytes).join(", ")} before, full and after`);
    stage.remark(`worker: heap ${inMegabytes(early.heap)} to ${inMegabytes(last.heap)}`);
    stage.remark(`worker: resident ${reports.map(({ resident }) => inMegabytes(resident)).join(", ")}`);
    expect(last.heap - early.heap).toBeLessThan(8 * MEGABYTE);
    expect(last.resident).toBeLessThan(early.resident * 1.5 + 32 * MEGABYTE);
  },
};

async function send(venue: Venue, messages: number): Promise<void> {
  const broker = openBroker(venue.plan);
  try {
    const client = createActorClient<typeof tick>(broker, tick);
    let next = 0;
    const lane = async () => {
      while (next < messages) {
        const first = next;
        next += BATCH;
        await client.sendMany(Array.from({ length: BATCH }, (_, i) => ({ n: first + i })));
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, lane));
  } finally {
    await broker.close();
  }
}

/** What a worker said of its memory, in bytes. */
function memoryOf({ process }: Player): readonly { readonly heap: number; readonly resident: number }[] {
  return process.lines.flatMap((line) => {
    const [word, , heap, resident] = line.split(" ");
    return word === "memory" ? [{ heap: Number(heap), resident: Number(resident) }] : [];
  });
}
