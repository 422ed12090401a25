/** The Redis scripts do what a plain model of them does, whatever is done in whatever order. */
import fc from "fast-check";
import { afterAll, beforeAll, test } from "vitest";
import { startRedis, type RedisServer } from "../setup/redis.js";
import { rounds, ROUNDS_TIMEOUT } from "./rounds.js";
import { ScriptsRun } from "./scripts-run.js";
import { ScriptsServer } from "./scripts-server.js";
import { steps } from "./scripts-steps.js";

let redis: RedisServer;
let server: ScriptsServer;

beforeAll(async () => {
  redis = await startRedis();
  server = new ScriptsServer(redis.url);
});
afterAll(async () => {
  server.close();
  await redis.stop();
});

test("after each of many random steps, all keys hold what the model holds", { timeout: ROUNDS_TIMEOUT }, () =>
  fc.assert(
    fc.asyncProperty(steps, (sequence) => ScriptsRun.take(server, sequence)),
    rounds(250),
  ),
);
