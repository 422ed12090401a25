/** What every command prints with `--json` follows one convention, on a real Redis. */
import { randomUUID } from "node:crypto";
import { redisBroker } from "callboard/redis";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import type { Broker } from "../../runtime/seams/broker.js";
import { letter, message } from "../conformance/broker.js";
import type { Ended } from "../setup/command.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually } from "../support/eventually.js";
import { createOperated, startCharging, startDeveloping, type OperatedProject } from "./operating.js";

vi.setConfig({ testTimeout: 120_000 });

const [year2001, year2100] = [Date.UTC(2001), Date.UTC(2100)];

/** What an answer holds that is no object, list, text or truth: its numbers, with their paths. */
function numbersIn(value: unknown, path = ""): readonly (readonly [string, number])[] {
  if (typeof value === "number") return [[path, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => numbersIn(each, `${path}.${name}`));
}

/** The one object that a command printed, after it was held to the convention. */
function answerOf({ stdout }: Ended): Readonly<Record<string, unknown>> {
  expect(stdout).toMatch(/^\{.*\}\n$/);
  const answer = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  const moments = numbersIn(answer).filter(([, number]) => number > year2001 && number < year2100);
  expect(moments).toEqual([]);
  return answer;
}

/** What is said beside the answer, each in a line. */
function saidBy({ stderr }: Ended): readonly Readonly<Record<string, unknown>>[] {
  const lines = stderr.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

/** A project, and a broker of this process with the same prefix. */
async function stage(): Promise<{ readonly project: OperatedProject; readonly broker: Broker }> {
  const prefix = `test:${randomUUID()}`;
  const url = inject("redisUrl");
  const broker = redisBroker(url, { prefix });
  onTestFinished(() => broker.close());
  return { project: await createOperated([`--url=${url}`, `--prefix=${prefix}`]), broker };
}

const time = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/) as string;
const number = expect.any(Number) as number;
const text = expect.any(String) as string;

test("every command prints one object; lists are members, times are texts, lengths of time are milliseconds", async () => {
  const { project, broker } = await stage();
  const asked = async (...args: readonly string[]) => {
    const ended = await project.run(...args, "--json");
    expect(saidBy(ended)).toEqual([]);
    expect(ended.code).toBe(0);
    return answerOf(ended);
  };
  const charging = await startCharging(broker);
  expect(await asked("send", "payments.charge", '{"amount":2}', "--wait")).toEqual({
    actor: "payments.charge",
    output: "charged 2",
  });
  for (const amount of [1, 3]) await asked("send", "payments.charge", `{"amount":${amount}}`);
  await eventually("two dead letters", async () => (await broker.deadLetters.list("money")).length === 2);
  await charging.stop();

  const sent = await asked("send", "payments.develop", '{"film":"a"}', "--delay=1h");
  expect(sent).toEqual({ id: text, actor: "payments.develop", queue: "money" });
  const id = String(sent["id"]);
  expect(await asked("status", "payments.develop", id)).toEqual({
    id,
    actor: "payments.develop",
    state: "waiting",
    due: time,
  });
  expect(await asked("pause", "payments.remind")).toEqual({
    targets: [{ kind: "actor", name: "payments.remind", changed: true }],
  });

  await startDeveloping(broker);
  await eventually("the worker", async () => (await broker.state?.workers.list())?.length === 1);
  expect(await asked("workers")).toEqual({
    workers: [
      expect.objectContaining({
        host: text,
        pid: number,
        uptime: number,
        seenAt: time,
        silence: number,
        silent: false,
      }),
    ],
  });
  const queues = await asked("queues");
  expect(queues).toMatchObject({
    parked: [],
    pausedActors: [{ actor: "payments.remind", since: time }],
  });
  expect(queues["queues"]).toContainEqual(
    expect.objectContaining({ queue: "money", delayed: 1, dead: 2, nextDue: time, oldestAge: null, workers: 1 }),
  );
  expect(await asked("resume", "payments.remind")).toEqual({
    targets: [{ kind: "actor", name: "payments.remind", changed: true }],
  });

  expect(await asked("schedules")).toEqual({
    schedules: [
      {
        id: "payments.count",
        actor: "payments.count",
        name: null,
        source: "contract",
        cron: "0 3 1 1 *",
        timeZone: "Europe/Berlin",
        catchUp: "none",
        overlap: true,
        next: time,
        last: null,
      },
    ],
  });

  const { deadLetters } = (await asked("dead", "list")) as { readonly deadLetters: readonly { readonly id: string }[] };
  expect(deadLetters).toHaveLength(2);
  expect(deadLetters[0]).toMatchObject({ queue: "money", sentAt: time, diedAt: time, failures: [{ at: time }] });
  expect(await asked("dead", "show", deadLetters[0]?.id ?? "")).toEqual(deadLetters[0]);
  expect(await asked("dead", "replay", "--limit=1")).toEqual({ replayed: 1, sealed: 0, refused: [], dryRun: false });
  expect(await asked("dead", "purge", "--yes")).toEqual({ removed: 1, dryRun: false });
  expect(await asked("cancel", "payments.develop", id)).toMatchObject({ id, actor: "payments.develop" });
});

test("the commands without a broker do as well", async () => {
  const { project } = await stage();
  expect(answerOf(await project.callboard("acl", "--broker=redis", "--json"))).toEqual({
    users: ["producer", "worker", "operator"].map((role): unknown => expect.objectContaining({ role, command: text })),
  });
  expect(answerOf(await project.callboard("gen", "--json"))).toMatchObject({ problems: [], milliseconds: number });
});

test("what is said beside the answer is JSON on standard error: a note, or the error with its exit code", async () => {
  const { project, broker } = await stage();
  const consumer = new TestConsumer(broker, "money");
  const body = '{"id":"old","actor":"archive.keep","v":"0","at":1,"input":{}}';
  await broker.publish([message(0, { id: "old", queue: "money", body })]);
  await (
    await consumer.next()
  ).reject(letter(message(0, { id: "old", queue: "money", body }), { actor: "archive.keep" }));
  await consumer.consumer.close();

  const doubted = await project.run("dead", "list", "--actor=archive.kep", "--json");
  expect(answerOf(doubted)).toEqual({ deadLetters: [] });
  expect(saidBy(doubted)).toEqual([{ note: expect.stringContaining('Did you mean "archive.keep"?') as string }]);

  // It answers what it did, and then fails.
  const refused = await project.run("dead", "replay", "--yes", "--json");
  expect(answerOf(refused)).toMatchObject({ replayed: 0, refused: [{ id: "old" }] });
  expect(saidBy(refused)).toEqual([{ error: expect.stringContaining("cannot be put back") as string, code: 1 }]);
  expect(refused.code).toBe(1);

  for (const args of [
    ["queues", "monye"],
    ["send", "payments.charge", "{"],
    ["send", "payments.charge", '{"amount":-1}'],
    ["status", "payments.charge", "any-id"],
    ["pause", "monye"],
    ["cancel", "payments.chrage", "any-id"],
    ["dead", "list", "--limit=none"],
    ["workers", "--jsn"],
  ]) {
    const failed = await project.run(...args, "--json");
    expect(failed.stdout).toBe("");
    expect(saidBy(failed)).toEqual([{ error: text, code: 2 }]);
    expect(failed.code).toBe(2);
  }
});
