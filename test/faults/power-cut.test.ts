/** A power cut under a Redis that writes to disk once a second: what is lost is what was sent in the last two. */
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.js";
import { askedAt, machineTime } from "./ledger.js";
import { redisTheatre } from "./redis-venue.js";
import { pause, Stage } from "./stage.js";
import type { Theatre } from "./venue.js";

/** What Redis has not flushed for so long, in milliseconds, may be gone: a second, and as much while the disk is busy. */
const UNFLUSHED = 2000;

let theatre: Theatre;
beforeAll(async () => {
  theatre = await redisTheatre("everysec");
}, 120_000);
afterAll(() => theatre.close());

test(
  "with AOF everysec, a power cut loses nothing that was sent two seconds before",
  { timeout: 120_000 },
  async () => {
    const venue = await theatre.open("power-cut");
    const stage = new Stage(venue);
    try {
      const workers = await stage.workers(2, { concurrency: 10 });
      const producer = await stage.producer({
        messages: 1_000_000,
        rate: 300,
        mix: [
          { count: 4, actor: "note", deed: { ms: 5 } },
          { count: 1, actor: "note", options: { delay: 1000 } },
        ],
      });
      await stage.sentAtLeast(producer, 1500);
      const kept = await whatIsWritten(venue.plan.url);
      await pause(UNFLUSHED);
      await stage.server.kill();
      // A killed process loses nothing that it wrote; a machine without power does.
      truncateSync(kept.file, kept.size);
      await stage.server.restart();
      const up = machineTime();
      await stage.fetching(workers, up);
      await pause(3000);
      await stage.endSending(producer);
      // What has not ended by then never will.
      await eventually("an empty broker", async () => (await venue.leftovers()).length === 0, 60_000);

      const { lost } = await stage.verdict(2, "power cut with AOF everysec");
      // The cut has to have taken something away, or this would show nothing.
      expect(lost.length).toBeGreaterThan(0);
      const accepted = lost.flatMap((id) => stage.ledger.of("accepted").get(id) ?? []);
      expect(Math.min(...accepted.map(({ at }) => at))).toBeGreaterThan(kept.at);
      expect(Math.max(...accepted.map(askedAt))).toBeLessThan(up);
    } finally {
      await stage.close();
    }
  },
);

/** The file in which the server writes each command, and its size when all was in it that had been answered by then. */
async function whatIsWritten(
  url: string,
): Promise<{ readonly file: string; readonly size: number; readonly at: number }> {
  const redis = new Redis(url);
  try {
    const [, directory = ""] = (await redis.config("GET", "dir")) as string[];
    const folder = join(directory, "appendonlydir");
    const name = readdirSync(folder).find((entry) => entry.endsWith(".incr.aof"));
    if (name === undefined) throw new Error(`no command log in ${folder}`);
    const file = join(folder, name);
    const at = machineTime();
    // While the disk is busy the server answers first and writes later.
    const mark = randomUUID();
    await redis.set(mark, "", "PX", 60_000);
    await eventually("the server to write", () => readFileSync(file).includes(mark));
    return { file, size: statSync(file).size, at };
  } finally {
    redis.disconnect();
  }
}
