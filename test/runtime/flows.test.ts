/** Flows: those that cannot be sent are refused with what is wrong, before anything is sent. */
import { memoryBroker } from "callboard";
import { createActorClient, group, pipeline, type Actor, type FlowPart, type GroupOptions } from "callboard/client";
import { createTestKit } from "callboard/testing";
import { createWorker } from "callboard/worker";
import { expect, test } from "vitest";
import { z } from "zod";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { TestLogger, testActor } from "../support/actors.js";

type Plus = Actor<{ input: number; output: number }>;
const plus: Plus = testActor("plus", { input: z.number(), output: z.number() });
const client = createActorClient<Plus>(memoryBroker(), plus);
const other = createActorClient<Plus>(memoryBroker(), plus);
const message = client.message(1);

/** What only somebody writes who leaves the types aside. */
const untyped = <T>(value: unknown) => value as T;

test("a flow is kept while an actor of it is paused, for longer than its own time", async () => {
  const kit = createTestKit();
  const paused = createActorClient<Plus>(kit.broker, plus);
  const target = { kind: "actor", name: plus.name } as const;
  const handlers = { test: { plus: (n: number) => n + 1 } };
  const worker = () => createWorker(kit.broker, { test: { plus } }, handlers, { logger: new TestLogger() });
  const first = worker();
  await kit.broker.state?.pauses.pause(target);
  await kit.start(first);
  const sent = await pipeline(paused.message(1), paused).send({ ttl: "20s" });
  await kit.advance("10m");
  await kit.broker.state?.pauses.resume(target);
  // A worker hears of it at its start, and by its heartbeat.
  await first.stop();
  await kit.start(worker());
  await kit.advance("15s");
  expect(await sent.result()).toBe(3);
  await kit.close();
});

test("a flow of nothing", () => {
  const nobody: FlowPart<unknown, number>[] = [];
  expect(() => group(nobody)).toThrow("A group needs at least one member.");
  expect(() => pipeline(...nobody)).toThrow("A pipeline needs at least one step.");
});

test("what is no part, no policy, no option, no message for the completion", () => {
  const no = untyped<FlowPart<unknown, number>>({ plus });
  expect(() => group(untyped<[typeof message]>(message))).toThrow("A group is given its members as a list");
  expect(() => group([no])).toThrow("A flow is made of actors' clients, messages, pipelines and groups");
  expect(() => group([message], untyped<GroupOptions<"fail">>({ whenFailed: "ignore" }))).toThrow(
    '"whenFailed" must be "fail" or "collect"; it is "ignore".',
  );
  expect(() => group([message], untyped<GroupOptions<"fail">>({ onComplet: message }))).toThrow(
    'There is no option "onComplet" of the group. Did you mean "onComplete"?',
  );
  const bare = untyped<typeof message>(client);
  expect(() => group([message], { onComplete: bare })).toThrow('"onComplete" must be a message');
});

test("options of a message or a step that do not exist, or are of another call", () => {
  expect(() => client.with(untyped<object>({ dealy: 1 }))).toThrow('There is no option "dealy" of test.plus.with.');
  expect(() => client.message(1, untyped<object>({ timeout: 1 }))).toThrow('There is no option "timeout"');
});

test("a first step without an input", async () => {
  const flow = untyped<typeof message>(pipeline(group([client]), client.message(1)));
  await expect(pipeline(flow).send()).rejects.toThrow("step 1, member 1 (test.plus) has no input");
});

test("steps of several brokers", async () => {
  await expect(pipeline(message, other).send()).rejects.toThrow("must be sent by clients of one broker");
});

test("a time that is none", async () => {
  await expect(pipeline(message).send({ ttl: 0 })).rejects.toThrow('"ttl" must be more than 0');
  await expect(pipeline(message).send({ delay: untyped<number>("soon") })).rejects.toThrow(
    '"delay" must be a duration',
  );
});

test("more steps than a flow may have, and groups that are nested deeper than they may be", async () => {
  const { maxNodes, maxDepth } = defaults.flow;
  const many = Array.from({ length: maxNodes }, () => message);
  await expect(group(many).send()).rejects.toThrow(`A flow may have ${maxNodes} steps`);
  let deep: FlowPart<unknown, unknown> = message;
  for (let i = 0; i <= maxDepth; i++) deep = group([deep]);
  await expect(pipeline(deep).send()).rejects.toThrow(`A flow may be nested ${maxDepth} deep`);
});
