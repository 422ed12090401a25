/** The operator's commands, as they are called, on a real Redis. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { createActorClient } from "callboard/client";
import { redisBroker } from "callboard/redis";
import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import type { Broker, DeadLetter } from "../../runtime/seams/broker.js";
import { queueKeys, workersKeys } from "../../runtime/brokers/redis/keys.js";
import type { Overview } from "../../runtime/operations/queues.js";
import type { SeenWorker } from "../../runtime/seams/registry.js";
import { letter, message } from "../conformance/broker.js";
import { askRedis } from "../setup/redis.js";
import { createProject } from "../setup/project.js";
import { TestConsumer } from "../support/consumer.js";
import { eventually } from "../support/eventually.js";
import { createOperated, develop, startCharging, startDeveloping, type OperatedProject } from "./operating.js";

// A story of twenty commands, each a process of its own, on whatever machine.
vi.setConfig({ testTimeout: 120_000 });

interface Stage {
  readonly project: OperatedProject;
  readonly broker: Broker;
  readonly prefix: string;
}

/** A project, and a broker of this process with the same prefix. */
async function stage(): Promise<Stage> {
  const prefix = `test:${randomUUID()}`;
  const url = inject("redisUrl");
  const broker = redisBroker(url, { prefix });
  onTestFinished(() => broker.close());
  return { project: await createOperated([`--url=${url}`, `--prefix=${prefix}`]), broker, prefix };
}

/** Everything that the server holds of a prefix, so that it can be seen that nothing was changed. */
function contents(prefix: string): Promise<readonly (readonly [string, string])[]> {
  return askRedis(inject("redisUrl"), async (redis) => {
    const keys = (await redis.keys(`${prefix}*`)).filter((key) => !/:queues$|workers/.test(key)).sort();
    return Promise.all(keys.map(async (key) => [key, String(await redis.dumpBuffer(key))] as const));
  });
}

const queueOf = async ({ project }: Stage, queue: string) =>
  ((await project.json("queues")) as Overview).queues.find((each) => each.queue === queue);

/** Fills the dead letters: odd amounts are refused by the worker. */
async function bury(stage: Stage, amounts: readonly number[]): Promise<readonly DeadLetter[]> {
  const worker = await startCharging(stage.broker);
  for (const amount of amounts) await stage.project.ok("send", "payments.charge", JSON.stringify({ amount }));
  const list = () => stage.broker.deadLetters.list("money");
  await eventually("the dead letters", async () => (await list()).length === amounts.length);
  await worker.stop();
  return list();
}

test("a message is sent, seen waiting, paused, resumed, and answered; the worker is listed", async () => {
  const all = await stage();
  const { project, broker } = all;
  const id = /^\S+ is in the queue money\.\n$/;
  expect(await project.ok("send", "payments.charge", '{"amount":2}')).toMatch(id);
  await project.ok("send", "payments.charge", '{"amount":4}', "--priority=9");
  await project.ok("send", "payments.charge", '{"amount":6}', "--delay=1h");
  const sent = await project.json("send", "payments.remind", '{"at":{"$date":"2026-01-02T03:04:05.678Z"}}');
  expect(sent).toEqual({
    id: expect.any(String) as string,
    actor: "payments.remind",
    queue: expect.stringMatching(/^mails\.[01]$/) as string,
  });

  expect(await queueOf(all, "money")).toMatchObject({
    waiting: 2,
    delayed: 1,
    running: 0,
    dead: 0,
    paused: false,
    workers: 0,
  });
  expect((await queueOf(all, "money"))?.waitingByPriority?.[9]).toBe(1);
  expect((await queueOf(all, "money"))?.oldestAge).toBeGreaterThan(0);
  const table = await project.ok("queues");
  expect(table).toMatch(/^QUEUE +WAITING +DELAYED +RUNNING +DEAD +SUSPECTS +OLDEST +NEXT DUE +RATE\/S +WORKERS\n/);
  expect(table).toMatch(/^mails\.0 .*\nmails\.1 .*\nmoney +2 +1 +0 +0 +0 +\S+ +60m +0 +0\n$/m);
  expect(table).not.toContain("\u001B");
  expect(await project.ok("queues", "mails")).not.toContain("money");

  expect(await project.ok("pause", "money")).toBe("The queue money is paused.\n");
  expect(await project.ok("pause", "money")).toBe("The queue money was paused already.\n");
  expect(await project.ok("pause", "mails")).toBe("The queue mails.0 is paused.\nThe queue mails.1 is paused.\n");
  expect(await project.ok("pause", "payments.remind")).toBe("The actor payments.remind is paused.\n");
  expect(await project.ok("queues")).toMatch(
    /^money .* paused\nThe actor payments\.remind has been paused for \S+\.\n$/m,
  );

  await startCharging(broker);
  await eventually("the worker to be listed", async () => (await broker.state?.workers.list())?.length === 1);
  expect(await project.json("workers")).toMatchObject({
    workers: [{ pid: process.pid, concurrency: 7, queues: [{ queue: "money", running: 0 }] }],
  });
  expect(await project.ok("workers")).toMatch(new RegExp(`^HOST +PID .*\\n\\S+ +${process.pid} .* 0/7 +0 +money\\n$`));
  expect(await queueOf(all, "money")).toMatchObject({ waiting: 2, paused: true, workers: 1 });

  expect(await project.ok("resume", "money")).toBe("The queue money goes on.\n");
  expect(await project.ok("resume", "money")).toBe("The queue money was not paused.\n");
  expect(await project.json("resume", "payments.remind")).toEqual({
    targets: [{ kind: "actor", name: "payments.remind", changed: true }],
  });
  await eventually("the messages to be handled", async () => (await broker.operations?.stats("money"))?.waiting === 0);
  expect(await project.ok("send", "payments.charge", '{"amount":8}', "--wait")).toBe('"charged 8"\n');
  const { workers } = (await project.json("workers")) as { readonly workers: readonly SeenWorker[] };
  expect(workers[0]?.uptime).toBeGreaterThan(0);
});

test("schedules of contracts and those made at run time are listed, the next one first", async () => {
  const { project, broker } = await stage();
  const client = createActorClient<typeof develop>(broker, develop);
  await client.schedule("often", { cron: "* * * * *", input: { film: "a" } });
  const [head, first, second, ...others] = (await project.ok("schedules")).trimEnd().split("\n");
  expect(head).toMatch(/^SCHEDULE +CRON +TIME ZONE +DUE IN +SEEN TO +CATCH UP +FROM$/);
  // It is seen to from when it was made.
  expect(first).toMatch(/^payments\.develop#often +\* \* \* \* \* +UTC +\d+m?s +\d+m?s +none +runtime$/);
  expect(second).toMatch(/^payments\.count +0 3 1 1 \* +Europe\/Berlin +\d+[dhms]+ +- +none +contract$/);
  expect(others).toEqual([]);
  expect(await project.ok("schedules", "payments.count")).not.toContain("often");
  expect(await project.ok("schedules", "payments.charge")).toBe("payments.charge has none.\n");
  const { code, stderr } = await project.run("schedules", "payments.cuont");
  expect(code).toBe(2);
  expect(stderr).toContain('There is no actor "payments.cuont". Did you mean "payments.count"?');
});

test("what is paused by a name that nobody knows is paused, and doubted", async () => {
  const { project, broker } = await stage();
  const paused = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await project.run("pause", ...args);
    expect(code).toBe(0);
    return { stdout, stderr };
  };
  const unknown = 'No worker that is there and no contract here has the actor "payments.chrage".';
  const doubted = `${unknown} Did you mean "payments.charge"?\n`;
  expect(await paused("--actor=payments.chrage")).toEqual({
    stdout: "The actor payments.chrage is paused.\n",
    stderr: doubted,
  });
  // That it is paused does not make it known.
  expect(await paused("--actor=payments.chrage")).toEqual({
    stdout: "The actor payments.chrage was paused already.\n",
    stderr: doubted,
  });
  expect(await paused("--queue=monye")).toEqual({
    stdout: "The queue monye is paused.\n",
    stderr: 'No queue "monye" is known. Did you mean "money"?\n',
  });
  expect((await paused("--actor=payments.charge")).stderr).toBe("");
  expect((await paused("--queue=money")).stderr).toBe("");

  // A worker of another version has an actor that no contract here has.
  const queues = [{ queue: "money", running: 0, rate: 0 }];
  const record = { id: "new", host: "web-1", pid: 1, uptime: 1, concurrency: 1, queues };
  await broker.state?.workers.beat({ ...record, actors: ["payments.refund"] });
  expect((await paused("--actor=payments.refund")).stderr).toBe("");
  await broker.state?.workers.beat({ ...record, id: "newer", actors: ["payments.rebate"] });
  expect((await paused("payments.rebate")).stdout).toBe("The actor payments.rebate is paused.\n");
  // One that does not say what it has may have any.
  await broker.state?.workers.beat({ ...record, id: "old" });
  expect((await paused("--actor=payments.chrage")).stderr).toBe("");
});

test("dead letters are listed, shown, and put back as far as today's contract accepts them", async () => {
  const all = await stage();
  const { project, prefix } = all;
  const letters = await bury(all, [1, 3, 99]);
  const idOf = (amount: number) => letters.find(({ body }) => body.includes(`"amount":${amount}}`))?.id ?? "";

  const list = await project.ok("dead", "list");
  expect(list).toMatch(/^ID +QUEUE +ACTOR +REASON +ATTEMPTS +DIED +ERROR\n/);
  expect(list).toMatch(
    new RegExp(`^${idOf(3)} +money +payments\\.charge +retries-exhausted +1 +\\S+ ago +RangeError: 3 is odd$`, "m"),
  );
  expect(list).not.toContain("\u001B");
  expect(await project.json("dead", "list", `--id=${idOf(1)},${idOf(3)}`, "--limit=1")).toMatchObject({
    deadLetters: [{ id: idOf(3) }],
  });
  expect(await project.json("dead", "list", "--older-than=1h")).toEqual({ deadLetters: [] });
  const { deadLetters } = (await project.json("dead", "list", "--newer-than=1h", "--queue=money")) as {
    readonly deadLetters: readonly object[];
  };
  expect(deadLetters).toHaveLength(3);
  expect(await project.json("dead", "list", "--actor=payments.remind")).toEqual({ deadLetters: [] });
  expect(await project.json("dead", "list", "--reason=crash-loop")).toEqual({ deadLetters: [] });

  const shown = await project.ok("dead", "show", idOf(3));
  expect(shown).toMatch(/^reason +retries-exhausted\nattempts +1\nsent +\d{4}-.*\ndied +\d{4}-.* ago\)$/m);
  expect(shown).toMatch(/^RangeError: 3 is odd\n +at /m);
  expect(shown).toContain('    "amount": 3\n');
  expect(await project.json("dead", "show", idOf(3))).toMatchObject({ id: idOf(3), actor: "payments.charge" });

  // Nobody can be asked here, and a dry run changes nothing.
  const before = await contents(prefix);
  const asked = await project.run("dead", "replay");
  expect(asked.stderr).toContain(
    "callboard: 3 dead letters would be put back: say --yes to do it, or --dry-run to see more.",
  );
  expect(asked.code).toBe(2);
  expect(await project.ok("dead", "replay", "--dry-run")).toBe(
    "3 dead letters would be put back; nothing was changed.\n",
  );
  await project.lower(50);
  const dry = await project.run("dead", "replay", "--dry-run", "--json");
  expect(JSON.parse(dry.stdout)).toMatchObject({
    replayed: 2,
    dryRun: true,
    refused: [{ id: idOf(99), queue: "money" }],
  });
  expect(await contents(prefix)).toEqual(before);

  const { code, stdout, stderr } = await project.run("dead", "replay", "--yes");
  expect(stderr).toContain(
    `stays  ${idOf(99)} in money: payments.charge: the input does not fit the contract: amount: Too big`,
  );
  expect(stderr).toContain("callboard: 1 dead letter cannot be put back; nothing of them is lost.");
  expect(stdout).toBe("2 dead letters put back.\n");
  expect(code).toBe(1);
  expect(await queueOf(all, "money")).toMatchObject({ waiting: 2, dead: 1 });

  expect(await project.ok("dead", "replay", "--unchecked")).toBe("1 dead letter put back.\n");
  expect(await queueOf(all, "money")).toMatchObject({ waiting: 3, dead: 0 });
});

test("where nothing is found for an actor that nobody knows, the nearest of contracts and dead letters is named", async () => {
  const all = await stage();
  const { project, broker } = all;
  const consumer = new TestConsumer(broker, "money");
  await broker.publish([message(0, { id: "old", queue: "money" })]);
  await (await consumer.next()).reject(letter(message(0, { id: "old", queue: "money" }), { actor: "archive.keep" }));
  await consumer.consumer.close();
  const asked = async (actor: string, ...args: readonly string[]) => {
    const { code, stdout, stderr } = await project.run("dead", ...args, `--actor=${actor}`);
    return { code, stdout, stderr };
  };
  const doubt = (actor: string, meant: string) =>
    `No contract here and no dead letter names the actor "${actor}". Did you mean "${meant}"?\n`;
  expect(await asked("payments.chargee", "list")).toEqual({
    code: 0,
    stdout: "There are no such dead letters.\n",
    stderr: doubt("payments.chargee", "payments.charge"),
  });
  expect(await asked("archive.kep", "list", "--json")).toEqual({
    code: 0,
    stdout: '{"deadLetters":[]}\n',
    stderr: `${JSON.stringify({ note: doubt("archive.kep", "archive.keep").trimEnd() })}\n`,
  });
  expect((await asked("archive.kep", "replay", "--yes")).stderr).toBe(doubt("archive.kep", "archive.keep"));
  expect((await asked("archive.kep", "purge", "--yes")).stderr).toBe(doubt("archive.kep", "archive.keep"));
  // One that is known, and has none of these letters, is no mistake.
  expect((await asked("payments.charge", "list")).stderr).toBe("");
  expect((await asked("archive.keep", "list", "--reason=expired")).stderr).toBe("");
  expect(await broker.deadLetters.list("money")).toHaveLength(1);
});

test("what cannot be put back is named with its reason, and stays", async () => {
  const { project, broker, prefix } = await stage();
  const consumer = new TestConsumer(broker, "money");
  const buryBody = async (id: string, actor: string, body: string) => {
    const publication = message(0, { id, queue: "money", body });
    await broker.publish([publication]);
    await (await consumer.next()).reject(letter(publication, { actor }));
  };
  const envelope = (id: string, actor: string, rest: string) =>
    `{"id":"${id}","actor":"${actor}","v":"0","at":1,${rest}}`;
  await buryBody("bytes", "x", "no JSON");
  await buryBody("renamed", "payments.chrage", envelope("renamed", "payments.chrage", '"input":{"amount":1}'));
  await buryBody("moved", "payments.remind", envelope("moved", "payments.remind", '"input":{}'));
  await buryBody("sealed", "payments.charge", envelope("sealed", "payments.charge", '"encoding":"sealed","input":{}'));
  await buryBody("strange", "payments.charge", envelope("strange", "payments.charge", '"encoding":"zip","input":{}'));
  await consumer.consumer.close();

  const { stdout, code } = await project.run("dead", "replay", "--yes", "--json");
  expect(code).toBe(1);
  const report = JSON.parse(stdout) as { replayed: number; sealed: number; refused: { id: string; why: string }[] };
  expect(report).toMatchObject({ replayed: 1, sealed: 1 });
  expect(Object.fromEntries(report.refused.map(({ id, why }) => [id, why]))).toEqual({
    bytes: expect.stringMatching(/no JSON/) as string,
    renamed: 'no contract has the actor "payments.chrage"; is it "payments.charge" now?',
    moved: 'payments.remind is now in the queue "mails": in "money" nobody would take it',
    strange: expect.stringMatching(/encoded as "zip"/) as string,
  });
  expect((await broker.deadLetters.list("money")).map(({ id }) => id).toSorted()).toEqual([
    "bytes",
    "moved",
    "renamed",
    "strange",
  ]);

  // What is no letter at all is in no list, and removed with the others.
  await askRedis(inject("redisUrl"), (redis) => redis.hset(queueKeys(prefix, "money").dead, "odd", "{"));
  expect(await project.ok("dead", "purge", "--yes")).toBe("5 dead letters removed.\n");
});

test("thousands are put back and removed in one go", async () => {
  const all = await stage();
  const { project, broker } = all;
  const many = Array.from({ length: 3000 }, (_, i) => i);
  const body = (i: number) => `{"id":"id-${i}","actor":"payments.charge","v":"0","at":1,"input":{"amount":${i + 1}}}`;
  await broker.publish(many.map((i) => message(i, { id: `id-${i}`, queue: "money", body: body(i) })));
  const consumer = new TestConsumer(broker, "money", many.length);
  await eventually("all messages", () => consumer.deliveries.length === many.length);
  await Promise.all(
    consumer.deliveries.map((delivery) => {
      const { id } = JSON.parse(delivery.body) as { id: string };
      return delivery.reject(
        letter(message(0, { id, queue: "money", body: delivery.body }), { actor: "payments.charge" }),
      );
    }),
  );
  await consumer.consumer.close();
  const [newest, more] = [await project.run("dead", "list"), await project.run("dead", "list", "--limit=120")];
  expect(newest.stdout.trim().split("\n")).toHaveLength(101);
  expect(newest.stderr).toBe("These are the newest 100; --limit shows more.\n");
  expect(more.stdout.trim().split("\n")).toHaveLength(121);
  expect(more.stderr).toBe("");
  expect(await project.ok("dead", "replay", "--limit=1000", "--yes")).toBe("1000 dead letters put back.\n");
  expect(await queueOf(all, "money")).toMatchObject({ waiting: 1000, dead: 2000 });
  expect(await project.ok("dead", "purge", "--dry-run")).toBe(
    "2000 dead letters would be removed; nothing was changed.\n",
  );
  expect((await project.run("dead", "purge")).code).toBe(2);
  expect(await project.ok("dead", "purge", "--limit=500", "--yes")).toBe("500 dead letters removed.\n");
  expect(await project.json("dead", "purge", "--yes")).toEqual({ removed: 1500, dryRun: false });
  expect(await queueOf(all, "money")).toMatchObject({ waiting: 1000, dead: 0 });
});

test("a name that somebody else wrote into the server is no command to the terminal", async () => {
  const { project, broker } = await stage();
  await broker.publish([message(0, { id: "one", queue: "odd\u001B[31m" })]);
  await broker.state?.pauses.pause({ kind: "actor", name: "odd\u001B[2J" });
  const { stdout, stderr } = await project.run("queues");
  expect(stdout).toMatch(/^odd +1 /m);
  expect(stdout).toContain("The actor odd has been paused");
  const wrong = await project.run("queues", "nothing-of-the-kind");
  expect(wrong.stderr).toContain("There are: mails, mails.0, mails.1, money, odd");
  expect(stdout + stderr + wrong.stderr).not.toContain("\u001B");
});

test("a worker that says nothing any more is shown as silent, beside one that is well", async () => {
  const { project, broker, prefix } = await stage();
  const record = { host: "web-1", uptime: 60_000, concurrency: 5, queues: [{ queue: "money", running: 2, rate: 1 }] };
  for (const [id, pid] of [
    ["well", 1],
    ["killed", 2],
  ] as const)
    await broker.state?.workers.beat({ ...record, id, pid });
  // As if it had last been heard of six seconds ago, and the other one never again later than now.
  const { seen } = workersKeys(prefix);
  await askRedis(inject("redisUrl"), async (redis) => {
    await redis.zincrby(seen, 3_600_000, "well");
    await redis.zincrby(seen, -6000, "killed");
  });
  expect(await project.ok("workers")).toMatch(
    /^HOST +PID +UP .*\nweb-1 +1 .* money\nweb-1 +2 +1m +\d+s +2\/5 +1 +money +silent for \d+s\n$/,
  );
  expect(await project.json("workers")).toMatchObject({
    workers: [
      { id: "well", silent: false, silence: 0 },
      { id: "killed", silent: true, silence: expect.any(Number) as number },
    ],
  });
  const { queues } = (await project.json("queues", "money")) as Overview;
  expect(queues).toMatchObject([{ queue: "money", workers: 1, rate: 1 }]);
});

test("a message is looked at, and cancelled, while it waits and while it runs", async () => {
  const { project, broker } = await stage();
  const send = async (film: string, ...options: readonly string[]) =>
    (await project.json("send", "payments.develop", JSON.stringify({ film }), ...options)) as { id: string };
  const [later, running, bad] = [await send("later", "--delay=1h"), await send("long"), await send("bad")];
  const status = (id: string) => project.ok("status", "payments.develop", id);
  const known = (id: string, state: string) => `id +${id}\nactor +payments\\.develop\nstate +${state}\n`;

  expect(await status(running.id)).toMatch(new RegExp(`^${known(running.id, "waiting")}$`));
  expect(await status(later.id)).toMatch(new RegExp(`^${known(later.id, "waiting")}due +\\S+ \\(in \\S+\\)\n$`));
  expect(await project.ok("cancel", "payments.develop", later.id)).toBe(
    `${later.id} is cancelled: no worker has it, and none will run it.\n`,
  );
  expect(await project.json("status", "payments.develop", later.id)).toEqual({
    id: later.id,
    actor: "payments.develop",
    state: "cancelled",
  });

  await startDeveloping(broker);
  await eventually("it to run", async () => (await status(running.id)).includes("running"));
  expect(await status(running.id)).toMatch(
    new RegExp(
      `${known(running.id, "running")}attempt +1\nsince +\\S+ \\(\\S+ ago\\)\nworker +.*, pid ${process.pid}\n$`,
    ),
  );
  expect(await status(bad.id)).toMatch(
    new RegExp(`${known(bad.id, "retrying")}attempt +1\nerror +RangeError: it is black\ndue +\\S+ \\(in \\S+\\)\n$`),
  );
  expect(await project.json("cancel", "payments.develop", running.id)).toEqual({
    id: running.id,
    actor: "payments.develop",
    cancellation: "cancelling",
    seen: true,
  });
  await eventually("it to end", async () => (await status(running.id)).includes("cancelled"));
  expect(await status("never-sent")).toMatch(/^state +unknown\nwhy +nothing is recorded: /m);

  const never = await project.ok("cancel", "payments.develop", "never-sent");
  expect(never).toMatch(
    /^never-sent was not seen: nothing is recorded: .* it is cancelled: no worker has it, and none /,
  );
  expect(await project.json("cancel", "payments.develop", "never-seen")).toMatchObject({ seen: false });
  expect(await project.ok("cancel", "payments.charge", "never-sent")).toBe(
    "never-sent is cancelled: no worker has it, and none will run it. " +
      "Whether it was ever sent is not recorded: its actor is not tracked.\n",
  );
});

test("a message that has ended is not cancelled, and one whose actor is not tracked has no status", async () => {
  const all = await stage();
  const { project } = all;
  const [dead] = await bury(all, [1]);
  const id = dead?.id ?? "";
  expect(await project.ok("cancel", "payments.charge", id)).toBe(`${id} had ended before. Nothing was changed.\n`);
  const wrong = async (args: readonly string[], line: string) => {
    const { code, stdout, stderr } = await project.run(...args);
    expect([stderr, stdout, code]).toEqual([`callboard: ${line}\n`, "", 2]);
  };
  const untracked = "payments.charge is not tracked, so nothing is recorded of its messages";
  await wrong(["status", "payments.charge", id], `${untracked}: its contract would say \`track: true\`.`);
  const near = 'There is no actor "payments.charg". Did you mean "payments.charge"?';
  await wrong(["cancel", "payments.charg", id], near);
  await wrong(["status", "payments.charg", id], near);
});

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Runs a command at a terminal, which `script` makes. */
function openTerminal(command: string, cwd: string) {
  const child = spawn("script", ["-qec", command, "/dev/null"], { cwd, stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let shown = "";
  child.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
  return {
    shown: () => shown,
    type: (text: string) => void child.stdin.write(text),
    ended: new Promise<void>((resolve) => child.once("close", () => resolve())),
  };
}

test("on a terminal of 80 columns nothing is wider than that, and colours are left out with NO_COLOR", async () => {
  const { project, broker, prefix } = await stage();
  const consumer = new TestConsumer(broker, "money");
  const id = "01a2074a-ce9b-7000-951c-a590338b9d8c";
  await broker.publish([message(0, { id, queue: "money" })]);
  const error = { name: "Error", message: `the gateway ${"is busy ".repeat(20)}` };
  await (await consumer.next()).reject(letter(message(0, { id, queue: "money" }), { actor: "payments.charge", error }));
  await consumer.consumer.close();
  const shown = async (columns: number, command: string, env = "") => {
    const place = `--url=${inject("redisUrl")} --prefix=${prefix}`;
    const terminal = openTerminal(
      `stty cols ${columns}; ${env} ${process.execPath} ${main} ${command} ${place}`,
      project.directory,
    );
    await terminal.ended;
    return terminal.shown().replaceAll("\r", "");
  };
  const width = (text: string) =>
    Math.max(
      ...stripVTControlCharacters(text)
        .split("\n")
        .map(({ length }) => length),
    );
  const [queues, narrow, wide] = [
    await shown(80, "queues"),
    await shown(80, "dead list"),
    await shown(200, "dead list"),
  ];
  expect(width(queues)).toBeLessThanOrEqual(80);
  expect(queues).toContain("WAITING");
  expect(queues).toContain("\u001B[1m");
  expect(width(narrow)).toBeLessThanOrEqual(80);
  expect(stripVTControlCharacters(narrow)).toMatch(
    /^01a2074a-\S+ {2}retries-exhausted, 3 attempts, \S+ ago\n {4}payments\.charge in money\n {4}Error: the gateway is busy .*…$/m,
  );
  expect(stripVTControlCharacters(wide)).toMatch(/^ID +QUEUE +ACTOR .*\n01a2074a/m);
  expect(await shown(80, "queues", "NO_COLOR=1")).not.toContain("\u001B");
});

test("on a terminal it asks before much is changed, and takes the end of the input for no", async () => {
  const { project, broker, prefix } = await stage();
  const consumer = new TestConsumer(broker, "money");
  for (const id of ["one", "two"]) {
    await broker.publish([message(0, { id, queue: "money" })]);
    await (await consumer.next()).reject(letter(message(0, { id, queue: "money" })));
  }
  await consumer.consumer.close();
  const purge = async (answer: string) => {
    const place = `--url=${inject("redisUrl")} --prefix=${prefix}`;
    const terminal = openTerminal(`node ${main} dead purge ${place}`, project.directory);
    await eventually("the question", () => terminal.shown().includes("Go on? [y/N]"));
    terminal.type(answer);
    await terminal.ended;
    return terminal.shown();
  };
  for (const answer of ["n\n", "\u0004"]) {
    const shown = await purge(answer);
    expect(shown).toContain("2 dead letters would be removed for good. Go on? [y/N]");
    expect(shown).toContain("callboard: Nothing was changed.");
  }
  expect(await broker.deadLetters.list("money")).toHaveLength(2);
  expect(await purge("y\n")).toContain("2 dead letters removed.");
  expect(await broker.deadLetters.list("money")).toEqual([]);
});

describe("what is wrong is said in one line, and nothing is changed", () => {
  test("names, inputs, and letters", async () => {
    const { project, prefix } = await stage();
    const wrong = async (args: readonly string[], line: string, exit: number) => {
      const { code, stdout, stderr } = await project.run(...args);
      expect([stderr.trim(), stdout, code]).toEqual([`callboard: ${line}`, "", exit]);
    };
    await wrong(["queues", "monye"], 'There is no queue "monye". Did you mean "money"?', 2);
    await wrong(
      ["pause", "payments.charg"],
      'There is no queue or actor "payments.charg". Did you mean "payments.charge"?',
      2,
    );
    await wrong(
      ["send", "payments.chage", "{}"],
      'There is no actor "payments.chage". Did you mean "payments.charge"?',
      2,
    );
    await wrong(
      ["send", "payments.charge", '{"amount":0}'],
      "payments.charge: the input does not fit the contract: amount: Too small: expected number to be >0",
      2,
    );
    await wrong(
      ["send", "payments.charge", '{"amount":1}', "--priority=10"],
      '"priority" must be a whole number from 0 to 9; it is 10.',
      2,
    );
    const nothing = "payments.remind answers nothing: its contract has no output to wait for.";
    await wrong(["send", "payments.remind", '{"at":{"$date":"2026-01-02"}}', "--wait"], nothing, 2);
    await wrong(["dead", "show", "absent"], 'There is no dead letter "absent".', 1);
    const reasons = [
      "undecodable, unsealable, unknown-actor, invalid-input, invalid-key, invalid-output, do-not-retry",
      "retries-exhausted, expired, crash-loop, flow-expired, flow-unsupported",
    ].join(", ");
    for (const action of ["list", "replay", "purge"]) {
      await wrong(
        ["dead", action, "--reason=retries-exausted"],
        `Nothing dies of "retries-exausted". Did you mean "retries-exhausted"? The reasons are: ${reasons}.`,
        2,
      );
    }
    await wrong(["dead", "list", "--reason=bad"], `Nothing dies of "bad". The reasons are: ${reasons}.`, 2);
    await wrong(["dead", "list", "--queue=moneys"], 'There is no queue "moneys". Did you mean "money"?', 2);
    expect(await contents(prefix)).toEqual([]);
    expect(await project.ok("dead", "list")).toBe("There are no such dead letters.\n");
    expect(await project.ok("workers")).toBe("No worker is there.\n");
    // A name that is said to be an actor's need not be known here.
    expect(await project.ok("pause", "--actor=elsewhere.work")).toBe("The actor elsewhere.work is paused.\n");
  });

  test("a server that is not there, or does not let in; its password is in no output", async () => {
    const project = createProject();
    const away = await project.callboard("queues", "--url=redis://user:pass-word@127.0.0.1:1/0");
    expect(away.stderr).toBe("callboard: redis 127.0.0.1:1/0 cannot be reached: connect ECONNREFUSED 127.0.0.1:1\n");
    expect(away.code).toBe(1);
    const url = new URL(inject("redisUrl"));
    const refused = await project.callboard("dead", "list", `--url=redis://nobody:pass-word@${url.host}`);
    expect(refused.stderr).toMatch(/^callboard: redis \S+ refused: WRONGPASS [^\n]*\n$/);
    expect(refused.code).toBe(1);
    expect(away.stderr + refused.stderr).not.toContain("pass-word");
  });

  test("no generated code", async () => {
    const { code, stderr } = await createProject().callboard("send", "a.b", "{}", `--url=${inject("redisUrl")}`);
    expect(stderr).toBe("callboard: There are no generated actors in generated: run `callboard gen`.\n");
    expect(code).toBe(1);
  });
});

describe("where the broker is", () => {
  const away = "redis://127.0.0.1:1/0";
  const project = (broker: unknown, files: Readonly<Record<string, string>> = {}) =>
    createProject({ "package.json": JSON.stringify({ type: "module", callboard: { broker } }), ...files });

  test("is said by an option, by the environment, or in package.json, in this order", async () => {
    const url = inject("redisUrl");
    const args = ["queues", "--json"];
    expect((await project(away).callboard(...args, `--url=${url}`)).code).toBe(0);
    expect((await project(away).start(args, { CALLBOARD_URL: url }).ended).code).toBe(0);
    expect((await project(url).callboard(...args)).code).toBe(0);
    expect((await project(url).callboard(...args, `--url=${away}`)).code).toBe(1);
  });

  test("is said by a file that exports it, with all of its options", async () => {
    const text = `
      import { redisBroker } from "callboard/redis";
      export const broker = redisBroker(process.env["SHOP_REDIS"] ?? "", { prefix: "test:shop" });
    `;
    const shop = project("./broker.ts", { "broker.ts": text, "none.ts": "export const a = 1;" });
    const { code, stderr } = await shop.start(["queues", "--json"], { SHOP_REDIS: inject("redisUrl") }).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const none = await shop.start(["queues"], { CALLBOARD_URL: "./none.ts" }).ended;
    expect(none.stderr).toContain("callboard: ./none.ts exports no broker: write `export default redisBroker(...)`");
    expect(none.code).toBe(1);
    const options = await shop.callboard("queues", "--prefix=x");
    expect(options.stderr).toContain("callboard: --prefix is said in ./broker.ts.");
    expect(options.code).toBe(2);
    const number = await project(7).callboard("queues");
    expect(number.stderr).toContain('"broker" of "callboard" must be a URL or the path of a file.');
  });
});
