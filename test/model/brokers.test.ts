/** Brokers do at the seam what a plain model of a queue does, whatever is done in whatever order. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, test } from "vitest";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { MemoryVenue } from "./memory-venue.js";
import { RedisVenue } from "./redis-venue.js";
import { rounds, ROUNDS_TIMEOUT } from "./rounds.js";
import { SeamRun } from "./seam-run.js";
import { steps } from "./seam-steps.js";
import type { Venue } from "./seam.js";

/** What must be true of a broker. */
const isAsTheModel = (venue: Venue) => fc.asyncProperty(steps, (sequence) => SeamRun.take(venue, sequence));

describe("after each of many random steps, a broker holds what the model holds", { timeout: ROUNDS_TIMEOUT }, () => {
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

  test("memory", () => fc.assert(isAsTheModel(new MemoryVenue()), rounds(500)));

  test("redis", () => fc.assert(isAsTheModel(venue), rounds(60)));
});
