/** The state store that a RabbitMQ broker is given. */
import { randomUUID } from "node:crypto";
import { rabbitmqBroker } from "callboard/rabbitmq";
import { redisState } from "callboard/redis";
import { expect, inject, onTestFinished, test } from "vitest";

const target = { kind: "queue", name: "default" } as const;

/** What is paused for a broker of this prefix, whose store has one of its own or none. */
function pausesOf(prefix: string, own?: string) {
  const state = redisState(inject("redisUrl"), own === undefined ? {} : { prefix: own });
  const broker = rabbitmqBroker(inject("rabbitmqUrl"), { prefix, state });
  onTestFinished(() => broker.close());
  if (broker.state === undefined) throw new Error("The broker has no state store.");
  return broker.state.pauses;
}

test("has the prefix of its broker, so that applications share nothing by accident", async () => {
  const [shop, mail] = [randomUUID(), randomUUID()];
  await pausesOf(shop).pause(target);
  expect(await pausesOf(shop).list()).toMatchObject([target]);
  expect(await pausesOf(mail).list()).toEqual([]);
});

test("keeps a prefix that it was given", async () => {
  const [shop, mail, shared] = [randomUUID(), randomUUID(), randomUUID()];
  await pausesOf(shop, shared).pause(target);
  expect(await pausesOf(mail, shared).list()).toMatchObject([target]);
  expect(await pausesOf(shop).list()).toEqual([]);
});
