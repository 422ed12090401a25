/** A leader that is killed at any step of a tick costs no tick and doubles none; a storm of sends runs each key once. Real processes, real servers. */
import { randomUUID } from "node:crypto";
import { redisBroker } from "callboard/redis";
import { createWorker } from "callboard/worker";
import { Redis } from "ioredis";
import { afterEach, expect, inject, it } from "vitest";
import { claimed } from "../fixtures/claimed.js";
import { TestLogger } from "../support/actors.js";
import { eventually } from "../support/eventually.js";
import { bundleProgram, TestProcess } from "../support/process.js";

const processes: TestProcess[] = [];
afterEach(() => Promise.all(processes.splice(0).map((each) => each.end())));

function start(program: string, args: readonly string[]): TestProcess {
  const started = new TestProcess(program, args);
  processes.push(started);
  return started;
}

/** How often each tick was sent, by its time. A message that only ever came back was sent once. */
async function ticks(redis: Redis, prefix: string): Promise<ReadonlyMap<number, number>> {
  const sent = new Map<number, number>();
  for (const [field, count] of Object.entries(await redis.hgetall(`${prefix}:book`))) {
    const [id = "", kind] = field.split(" ");
    const time = Date.parse(id.slice(id.indexOf("@") + 1));
    sent.set(time, Math.max(sent.get(time) ?? 0, kind === "sent" ? Number(count) : 1));
  }
  return sent;
}

/** Three workers, of which the one that leads kills itself at a step; then all ticks are looked at. */
async function killedAt(program: string, amqpUrl: string, step: string): Promise<void> {
  const prefix = `test.${randomUUID()}`;
  const redis = new Redis(inject("redisUrl"));
  const args = [inject("redisUrl"), amqpUrl, prefix];
  const leader = start(program, [...args, step]);
  await eventually(`the leader to be ready (${step})`, () => leader.lines.includes("ready"), 60_000);
  for (let i = 0; i < 2; i++) start(program, [...args, ""]);
  await eventually(`the leader to be dead (${step})`, () => !leader.running, 60_000);
  const died = Date.now();
  // Others have led for some ticks, and have made up for those in between.
  await eventually(
    `ticks of another leader (${step})`,
    async () => Math.max(...(await ticks(redis, prefix)).keys()) > died + 9000,
    90_000,
  );
  const seen = await ticks(redis, prefix);
  redis.disconnect();
  const [first = 0, ...rest] = [...seen.keys()].sort((a, b) => a - b);
  const last = rest.at(-1) ?? first;
  const expected = Array.from({ length: (last - first) / 1000 + 1 }, (_, i) => first + i * 1000);
  // The newest may still be on their way.
  const settled = expected.slice(0, -3);
  expect(settled.map((tick) => [step, new Date(tick).toISOString(), seen.get(tick)])).toEqual(
    settled.map((tick) => [step, new Date(tick).toISOString(), 1]),
  );
}

/** How many steps are tried at once: each is three processes, which are at rest for nearly all of a second. */
const AT_ONCE = 4;

async function killedInTurn(amqpUrl: string, steps: readonly string[]): Promise<void> {
  const program = await bundleProgram("fixtures/ticking");
  for (let i = 0; i < steps.length; i += AT_ONCE) {
    await Promise.all(steps.slice(i, i + AT_ONCE).map((step) => killedAt(program, amqpUrl, step)));
    await Promise.all(processes.splice(0).map((each) => each.end()));
  }
}

it("a leader that is killed at any step of a tick costs none and doubles none on Redis", async () => {
  await killedInTurn("", [
    "before lead",
    "during lead",
    "after lead",
    "before publish",
    "during publish",
    "after publish",
  ]);
}, 240_000);

it("nor does it on RabbitMQ, with a state store in Redis", async () => {
  const steps = ["before begin", "after begin", "before confirm", "after confirm"];
  await killedInTurn(inject("rabbitmqUrl"), steps);
}, 240_000);

it("of 10,000 sends of 100 keys from four processes, each key runs once", async () => {
  const prefix = `test:${randomUUID()}`;
  const broker = redisBroker(inject("redisUrl"), { prefix });
  const ran: string[] = [];
  const handlers = { test: { claimed: ({ key }: { key: string }) => void ran.push(key) } };
  const worker = createWorker(broker, { test: { claimed } }, handlers, { logger: new TestLogger() });
  await worker.start();
  const program = await bundleProgram("fixtures/storm");
  const senders = Array.from({ length: 4 }, () => start(program, [inject("redisUrl"), prefix, "2500", "100"]));
  await Promise.all(
    senders.map((sender) => eventually("the end of the sends", () => sender.lines.includes("sent"), 60_000)),
  );
  await eventually("every key", () => new Set(ran).size === 100);
  await worker.stop();
  await broker.close();
  expect(ran).toHaveLength(100);
}, 120_000);
