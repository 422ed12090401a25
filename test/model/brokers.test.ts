/** Brokers do at the seam what a plain model of a queue does, whatever is done in whatever order. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, test } from "vitest";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { MemoryVenue } from "./memory-venue.js";
import { RedisVenue } from "./redis-venue.js";
import { SeamRun } from "./seam-run.js";
import { steps } from "./seam-steps.js";
import type { Venue } from "./seam.js";

const soak = process.env["SOAK"] === "1";
const AN_HOUR = 3_600_000;

async function check(venue: Venue, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(steps, (sequence) => SeamRun.take(venue, sequence)),
    { numRuns: soak ? numRuns * 50 : numRuns },
  );
}

test(
  "the memory broker holds after each of many random steps what the model holds",
  async () => {
    await check(new MemoryVenue(), 200);
  },
  AN_HOUR,
);

describe("on a server of its own", () => {
  let server: RedisServer;
  let venue: RedisVenue;

  beforeAll(async () => {
    server = await startRedis();
    venue = new RedisVenue(server.url);
  });
  afterAll(async () => {
    await venue.close();
    await server.stop();
  });

  test(
    "the Redis broker holds after each of many random steps what the model holds",
    async () => {
      await check(venue, 30);
    },
    AN_HOUR,
  );
});
