/** A power cut under a Redis that writes to disk once a second: what is lost is what was sent in the last two. */
import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { machineTime } from "./ledger.js";
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
      const file = await commandLog(venue.plan.url);
      const workers = await stage.workers(2, { concurrency: 10 });
      const producer = await stage.producer({
        messages: 1_000_000,
        rate: 300,
        mix: [
          { count: 4, actor: "note", deed: { ms: 5 } },
          { count: 1, actor: "note", options: { delay: 1000 } },
        ],
      });
      await pause(6000);
      const kept = { size: statSync(file).size, at: machineTime() };
      await pause(UNFLUSHED);
      await stage.server.kill();
      // A killed process loses nothing that it wrote; a machine without power does.
      truncateSync(file, kept.size);
      await stage.server.restart();
      const up = machineTime();
      await stage.fetching(workers, up);
      await pause(3000);
      await stage.endSending(producer);
      await stage.settledBefore(kept.at);
      // What is lost never ends: the rest has had its time by then.
      await stage.settled(10_000);

      const { accepted, lost, stuck } = await stage.verdict(2, "power cut with AOF everysec");
      expect(accepted).toBeGreaterThan(2000);
      expect(stuck).toEqual([]);
      // The cut has to have taken something away, or this would show nothing.
      expect(lost.length).toBeGreaterThan(0);
      const sentAt = lost.map((id) => stage.ledger.of("accepted").get(id)?.[0]?.at ?? 0);
      expect(Math.min(...sentAt)).toBeGreaterThan(kept.at);
      expect(Math.max(...sentAt)).toBeLessThan(up);
    } finally {
      await stage.close();
    }
  },
);

/** The file in which the server writes each command. */
async function commandLog(url: string): Promise<string> {
  const redis = new Redis(url);
  try {
    const [, directory = ""] = (await redis.config("GET", "dir")) as string[];
    const folder = join(directory, "appendonlydir");
    const name = readdirSync(folder).find((entry) => entry.endsWith(".incr.aof"));
    if (name === undefined) throw new Error(`no command log in ${folder}`);
    return join(folder, name);
  } finally {
    redis.disconnect();
  }
}
