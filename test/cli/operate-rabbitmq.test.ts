/** The operator's commands on a real RabbitMQ: what AMQP can tell is told, what it cannot is said. */
import { randomUUID } from "node:crypto";
import { redisState } from "callboard/redis";
import { inject, expect, onTestFinished, test, vi } from "vitest";
import type { Overview } from "../../runtime/operations/queues.js";
import { openBackend } from "../rabbitmq/backend.js";
import { eventually } from "../support/eventually.js";
import { createOperated, startCharging } from "./operating.js";

// A story of twenty commands, each a process of its own, on whatever machine.
vi.setConfig({ testTimeout: 120_000 });

test("messages are sent, counted, answered, dead, put back and removed; what AMQP cannot tell is said", async () => {
  const url = inject("rabbitmqUrl");
  const backend = await openBackend(url);
  onTestFinished(() => backend.close());
  const project = await createOperated([`--url=${url}`, `--prefix=${backend.prefix}`]);
  const queueOf = async (queue: string) =>
    ((await project.json("queues")) as Overview).queues.find((each) => each.queue === queue);

  expect(await queueOf("money")).toEqual({
    queue: "money",
    waiting: 0,
    waitingByPriority: Array.from({ length: 10 }, () => 0),
    dead: 0,
    suspects: 0,
  });
  await project.ok("send", "payments.charge", '{"amount":1}');
  await project.ok("send", "payments.charge", '{"amount":2}', "--priority=9");
  await eventually("both to be counted", async () => (await queueOf("money"))?.waiting === 2);
  const { stdout, stderr } = await project.run("queues");
  expect(stdout).toMatch(/^money +2 +\? +\? +0 +0 +\? +\? +\? +\?$/m);
  expect(stderr).toContain("AMQP lists no queues: shown are those of the contracts and of running workers.\n");
  expect(stderr).toContain("AMQP does not tell which messages of a queue are held back");

  const broker = backend.connect();
  await startCharging(broker);
  expect(await project.ok("send", "payments.charge", '{"amount":4}', "--wait")).toBe('"charged 4"\n');
  await eventually("the dead letter", async () => (await broker.deadLetters.list("money")).length === 1);
  const [letter] = await broker.deadLetters.list("money");
  expect(await project.ok("dead", "list")).toMatch(
    new RegExp(`^${letter?.id} +money +payments\\.charge +retries-exhausted`, "m"),
  );
  expect(await project.ok("dead", "show", letter?.id ?? "")).toContain("RangeError: 1 is odd");
  expect(await project.ok("dead", "replay", "--dry-run")).toBe(
    "1 dead letter would be put back; nothing was changed.\n",
  );
  expect(await project.ok("dead", "replay")).toBe("1 dead letter put back.\n");
  await eventually("its second death", async () => (await broker.deadLetters.list("money")).length === 1);
  expect(await project.ok("dead", "purge", `--id=${letter?.id}`)).toBe("1 dead letter removed.\n");
  expect(await queueOf("money")).toMatchObject({ waiting: 0, dead: 0 });

  const name = `rabbitmq ${new URL(url).host}/`;
  const workers = await project.run("workers");
  expect(workers.stderr.trim()).toBe(
    `callboard: ${name} has no state store, and only there do workers say that they are there: ` +
      "give its workers one, such as redisState(url), and name the same one here. That is --state-url=redis://….",
  );
  expect(workers.code).toBe(2);
  const paused = await project.run("pause", "money");
  expect(paused.stderr).toContain(`callboard: ${name} has no state store, and nothing can be paused without one`);
  expect(paused.code).toBe(2);
  const cancelled = await project.run("cancel", "payments.charge", "any-id");
  expect(cancelled.stderr).toContain(
    `callboard: ${name} has no state store, and no message can be cancelled without one`,
  );
  expect(cancelled.code).toBe(2);
  const sent = await project.run("send", "payments.develop", '{"film":"x"}');
  expect(sent.stderr).toContain(
    `callboard: ${name} has no state store, and how messages of this actor stand is recorded there`,
  );
  expect(sent.code).toBe(2);
  const looked = await project.run("status", "payments.develop", "any-id");
  expect(looked.stderr).toContain(
    `callboard: ${name} has no state store, and how messages stand is recorded nowhere else`,
  );
  expect(looked.code).toBe(2);
});

test("with a state store, workers are listed, and queues and actors are paused", async () => {
  const [url, stateUrl, prefix] = [inject("rabbitmqUrl"), inject("redisUrl"), `test.${randomUUID()}`];
  const backend = await openBackend(url, () => ({ prefix, state: redisState(stateUrl, { prefix }) }));
  onTestFinished(() => backend.close());
  const project = await createOperated([`--url=${url}`, `--prefix=${prefix}`, `--state-url=${stateUrl}`]);
  await startCharging(backend.connect());
  await eventually(
    "the worker",
    async () => ((await project.json("workers")) as { readonly workers: unknown[] }).workers.length === 1,
  );
  expect(await project.ok("queues", "money")).toMatch(/^money +0 +\? +0 +0 +0 +\? +\? +0 +1$/m);

  expect(await project.ok("pause", "money")).toBe("The queue money is paused.\n");
  // The worker looks once a second.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const waiting = project.ok("send", "payments.charge", '{"amount":2}', "--wait", "--timeout=25s");
  await eventually("the message", async () => (await project.ok("queues", "money")).includes("money        1"));
  expect(await project.ok("queues", "money")).toMatch(/^money +1 .* paused$/m);
  expect(await project.ok("resume", "money")).toBe("The queue money goes on.\n");
  expect(await waiting).toBe('"charged 2"\n');

  // Nobody knows which messages a worker of RabbitMQ has: it is told in any case.
  const film = (await project.json("send", "payments.develop", '{"film":"x"}', "--delay=1h")) as { id: string };
  expect(await project.json("status", "payments.develop", film.id)).toMatchObject({ state: "waiting" });
  expect(await project.ok("cancel", "payments.develop", film.id)).toContain(`${film.id} is cancelled: `);
  expect(await project.json("status", "payments.develop", film.id)).toMatchObject({ state: "cancelled" });
});

test("a queue of the other type, and a server that is not there, are told in one line", async () => {
  const url = inject("rabbitmqUrl");
  const backend = await openBackend(url);
  onTestFinished(() => backend.close());
  const project = await createOperated([`--prefix=${backend.prefix}`]);
  await project.ok("send", "payments.charge", '{"amount":2}', `--url=${url}`, "--queue-type=classic");
  expect(await project.ok("queues", "money", `--url=${url}`, "--queue-type=classic")).toMatch(/^money +1 /m);
  const away = await project.run("queues", "--url=amqp://user:pass-word@127.0.0.1:1");
  expect(away.stderr).toMatch(/^callboard: rabbitmq 127\.0\.0\.1:1\/ cannot be reached: [^\n]*ECONNREFUSED[^\n]*\n$/);
  expect(away.stderr).not.toContain("pass-word");
  expect(away.code).toBe(1);
});
