import { connect } from "amqplib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRabbitmq, type RabbitmqServer } from "./rabbitmq.js";

const INSTALL_AND_START = 5 * 60_000;

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq();
}, INSTALL_AND_START);
afterAll(() => server.stop());

test("a private node takes a message and keeps it through kill and restart", { timeout: 120_000 }, async () => {
  const queue = "kept";
  const before = await connect(server.url);
  before.on("error", () => {});
  const sender = await before.createConfirmChannel();
  sender.on("error", () => {});
  await sender.assertQueue(queue, { durable: true });
  sender.sendToQueue(queue, Buffer.from("a message"), { persistent: true });
  await sender.waitForConfirms();
  await server.flush();

  await server.kill();
  await expect(connect(server.url)).rejects.toThrow();
  await server.restart();

  const after = await connect(server.url);
  const receiver = await after.createChannel();
  receiver.on("error", () => {});
  const message = await receiver.get(queue);
  expect(message === false ? undefined : message.content.toString()).toBe("a message");
  await after.close();
});

test("a private node obeys rabbitmqctl", async () => {
  expect(await server.ctl("list_vhosts")).toContain("/");
});
