/** The users that `callboard acl --broker rabbitmq` prints can do their work on a real server, and not that of others. */
import { connect as connectAmqp } from "amqplib";
import { createActorClient, type Actor } from "callboard/client";
import { rabbitmqBroker, type RabbitmqBrokerOptions } from "callboard/rabbitmq";
import { createWorker } from "callboard/worker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import { rabbitmqUsers, type RabbitmqUser } from "../../runtime/brokers/rabbitmq/rights.js";
import { createProject } from "../setup/project.js";
import { startRabbitmq, type RabbitmqServer } from "../setup/rabbitmq.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

const PREFIX = "my.shop";
const PASSWORD = "pass-of-a-user";

type Twice = Actor<{ input: number; output: number }>;
const twice: Twice = testActor("twice", { input: z.number(), output: z.number(), maxRetries: 1 });

let server: RabbitmqServer;

beforeAll(async () => {
  server = await startRabbitmq();
  for (const { name, vhost, configure, write, read } of rabbitmqUsers(PREFIX)) {
    await server.ctl("add_user", name, PASSWORD);
    await server.ctl("set_permissions", "-p", vhost, name, configure, write, read);
  }
}, 90_000);
afterAll(() => server.stop());

const urlOf = (role: string) => `amqp://${PREFIX}-${role}:${PASSWORD}@127.0.0.1:${server.port}`;

describe.each(["quorum", "classic"] as const)("with %s queues", (queueType) => {
  test("messages are sent, called, delayed, tried again, dead-lettered and replayed with no right missing", async () => {
    // Queues of the other kind are of another name.
    const queue = `${queueType}-work`;
    const actor = { ...twice, options: { ...twice.options, queue } };
    const brokers: Broker[] = [];
    const connect = (role: string, options: RabbitmqBrokerOptions = {}) => {
      const broker = rabbitmqBroker(urlOf(role), { prefix: PREFIX, queueType, ...options });
      brokers.push(broker);
      return broker;
    };
    const client = createActorClient<Twice>(connect("producer"), actor);
    const before = await client.send(4);
    const failed = new Set<number>();
    const handler = (input: number) => {
      if (input < 0) throw new Error("always");
      if (input === 7 && !failed.has(input)) {
        failed.add(input);
        throw new Error("once");
      }
      return input * 2;
    };
    const logger = new TestLogger();
    const worker = createWorker(connect("worker"), { test: { actor } }, { test: { actor: handler } }, { logger });
    await worker.start();
    expect(await before.result({ timeout: "20s" })).toBe(8);
    expect(await client.call(21)).toBe(42);
    expect(await client.call(7)).toBe(14);
    const later = await client.send(1, { delay: 100, priority: 9 });
    expect(await later.result({ timeout: "20s" })).toBe(2);
    await expect(client.call(-1)).rejects.toThrow(/always/);

    const { deadLetters, operations } = connect("operator");
    await eventually("a dead letter", async () => (await deadLetters.list(queue)).length === 1);
    const [letter] = await deadLetters.list(queue);
    expect(await deadLetters.replay(queue, letter?.id ?? "")).toBe(true);
    await eventually("its second death", async () => (await deadLetters.list(queue)).length === 1);
    // What a look gives back comes to other channels only after a moment.
    await eventually("the letter to be counted", async () => (await operations?.stats(queue))?.dead === 1);
    expect(await operations?.stats(queue)).toMatchObject({ waiting: 0, suspects: 0 });
    expect(await deadLetters.settle(queue, {}, () => "keep")).toEqual({ replayed: 0, removed: 0 });
    await eventually("the letter to be back", async () => (await deadLetters.list(queue)).length === 1);
    expect(await deadLetters.purge(queue)).toBe(1);
    await worker.stop();
    await Promise.all(brokers.map((broker) => broker.close()));
    expect(logger.messages("error").filter((line) => line !== "message is dead")).toEqual([]);
    // The delays' steps are of one kind of queue.
    for (const name of (await server.ctl("list_queues", "name")).split("\n").filter((line) => line.includes("::"))) {
      await server.ctl("delete_queue", name);
    }
  });
});

test.each([
  ["producer", "queue of messages", `${PREFIX}:default:5`],
  ["producer", "queue of dead letters", `${PREFIX}:default:dead`],
  ["worker", "queue of dead letters", `${PREFIX}:default:dead`],
  ["worker", "queue of results", `${PREFIX}::reply:id`],
  ["operator", "queue of messages", `${PREFIX}:default:5`],
  ["operator", "queue of another application", "other:default:dead"],
])("a %s may not take from a %s", async (role, _kind, queue) => {
  const connection = await connectAmqp(`amqp://guest:guest@127.0.0.1:${server.port}`);
  await (await connection.createChannel()).assertQueue(queue, { durable: true });
  await connection.close();
  const own = await connectAmqp(urlOf(role));
  const channel = await own.createChannel();
  channel.on("error", () => undefined);
  await expect(channel.get(queue)).rejects.toThrow(/ACCESS_REFUSED/);
  await own.close();
});

test("the command prints one line for each user, which a shell takes", async () => {
  const project = createProject();
  const args = ["acl", "--broker=rabbitmq", `--prefix=${PREFIX}`, "--vhost=it's mine"];
  const { stdout, stderr, code } = await project.callboard(...args);
  expect(code).toBe(0);
  expect(stderr).toContain("rabbitmqctl add_user");
  const lines = stdout.trim().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^rabbitmqctl set_permissions -p 'it'\\''s mine' my\.shop-producer '\^\(my\\\.shop/);
  const asJson = await project.callboard(...args, "--json");
  const { users } = JSON.parse(asJson.stdout) as { readonly users: readonly RabbitmqUser[] };
  expect(users.map(({ command }) => command)).toEqual(lines);
  expect(users[0]?.vhost).toBe("it's mine");
});
