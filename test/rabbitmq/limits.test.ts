/** Limits on RabbitMQ, which has no store for them: what needs one says so when it is made. */
import { barrier, concurrencyLimiter, InvalidOptionError, rateLimiter } from "callboard";
import { rabbitmqBroker } from "callboard/rabbitmq";
import { redisState } from "callboard/redis";
import { createWorker, type Actor } from "callboard/worker";
import { afterAll, expect, it } from "vitest";
import { z } from "zod";
import { TestLogger, testActor } from "../support/actors.js";

// Neither connects before it is used.
const bare = rabbitmqBroker("amqp://localhost:1");
const stateful = rabbitmqBroker("amqp://localhost:1", { state: redisState("redis://localhost:1") });
afterAll(async () => void (await Promise.all([bare.close(), stateful.close()])));

const work = (broker: typeof bare, actor: Actor) =>
  createWorker(broker, { test: { job: actor } }, { test: { job: () => undefined } }, { logger: new TestLogger() });

it.each([
  ['"concurrencyLimit"', { concurrencyLimit: 1 }],
  ['"rateLimit"', { rateLimit: { limit: 1, per: "1s" } }],
  ['"concurrencyLimit" and "rateLimit"', { concurrencyLimit: 5, rateLimit: { limit: 1, per: "1s" } }],
] as const)("a worker of an actor with %s needs a state store", (named, limits) => {
  const limited = testActor("job", { input: z.string(), ...limits });
  expect(() => work(bare, limited)).toThrow(InvalidOptionError);
  expect(() => work(bare, limited)).toThrow(
    `The ${named} of test.job needs a state store, and rabbitmq localhost:1/ has none: ` +
      "rabbitmqBroker(url, { state: redisState(url) }).",
  );
  expect(work(stateful, limited).state).toBe("idle");
});

it("limiters and barriers by hand need one as well", () => {
  const needs = (what: string) => `${what} needs a state store`;
  expect(() => concurrencyLimiter(bare, "k", { limit: 1 })).toThrow(needs('concurrencyLimiter "k"'));
  expect(() => rateLimiter(bare, "k", { limit: 1, per: 5 })).toThrow(needs('rateLimiter "k"'));
  expect(() => barrier(bare, "k", { parties: 1, ttl: 5 })).toThrow(needs('The barrier "k"'));
});
