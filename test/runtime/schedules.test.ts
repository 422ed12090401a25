/** When schedules are due, what becomes of ticks that were missed, and what they cost: in memory, with a clock that is moved. */
import {
  BrokerUnavailableError,
  InvalidInputError,
  InvalidOptionError,
  memoryBroker,
  MemoryBackend,
  createSeal,
} from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { rabbitmqBroker } from "callboard/rabbitmq";
import { createWorker, type Task, type Worker } from "callboard/worker";
import { Cron } from "croner";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import type { AnySchedule } from "../../runtime/vocabulary/contract.js";
import { readCron } from "../../runtime/vocabulary/cron.js";
import { claimsOf } from "../../runtime/seams/claims.js";
import { defaults } from "../../runtime/vocabulary/defaults.js";
import { TestLogger, testActor } from "../support/actors.js";
import { instead } from "../support/instead.js";
import { MovableClock } from "../../runtime/testing/clock.js";

type Report = Actor<{ input: { n?: number } }>;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const report = (schedule?: AnySchedule | readonly AnySchedule[]): Report =>
  testActor("report", {
    input: z.object({ n: z.number().optional() }),
    ...(schedule === undefined ? {} : { schedule }),
  });

describe("times", () => {
  const due = (cron: string, timeZone: string, after: string, count: number) => {
    const calendar = readCron({ cron, timeZone });
    const times: string[] = [];
    for (let time = calendar.after(Date.parse(after)); time !== undefined && times.length < count;) {
      times.push(new Date(time).toISOString());
      time = calendar.after(time);
    }
    return times;
  };

  test("a daily one keeps to the local time when the clocks change, and is due once on every day", () => {
    expect(due("0 3 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3)).toEqual([
      "2026-03-28T02:00:00.000Z",
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T01:00:00.000Z",
    ]);
    // 02:30 is skipped in spring and comes twice in autumn.
    expect(due("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2)).toEqual([
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
    expect(due("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2)).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
    ]);
  });

  test("one of every half an hour goes on through the hour that comes twice", () => {
    expect(due("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 4)).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-25T01:00:00.000Z",
      "2026-10-25T01:30:00.000Z",
      "2026-10-25T02:00:00.000Z",
    ]);
  });

  test("the last one not after a time may be that time itself", () => {
    const calendar = readCron({ cron: "0 * * * *", timeZone: "UTC" });
    const noon = Date.parse("2026-01-01T12:00:00Z");
    expect(calendar.notAfter(noon)).toBe(noon);
    expect(calendar.notAfter(noon - 1)).toBe(noon - HOUR);
    expect(calendar.after(noon)).toBe(noon + HOUR);
  });

  test.each([
    ["0 0 30 2 *", "UTC", /never due/],
    ["0 0 0 1 1 * 2020", "UTC", /never due/],
    ["", "UTC", /no cron expression/],
    ["* * * *", "UTC", /no cron expression/],
    ["@reboot", "UTC", /no cron expression/],
    ["2030-01-01T00:00:00", "UTC", /a date/],
    ["@daily", "Mars/Base", /no time zone "Mars\/Base"/],
  ])("%j in %s is refused", (cron, timeZone, message) => {
    expect(() => readCron({ cron, timeZone })).toThrow(message);
  });
});

describe("a worker", () => {
  let clock: MovableClock;
  let backend: MemoryBackend;
  let logger: TestLogger;
  let ran: string[];
  let inputs: unknown[];
  const workers: Worker[] = [];

  beforeEach(() => {
    clock = new MovableClock();
    backend = new MemoryBackend(clock);
    logger = new TestLogger();
    ran = [];
    inputs = [];
  });
  afterEach(async () => {
    const stopped = Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await clock.pass(MINUTE);
    await stopped;
  });

  async function work(actor: Report, options = {}): Promise<Worker> {
    const handler = (input: unknown, { message }: Task) => {
      ran.push(message.id.slice(message.id.indexOf("T") + 1, -8));
      inputs.push(input);
    };
    const broker = memoryBroker({ backend });
    const handlers = { test: { report: handler } };
    const worker = createWorker(broker, { test: { report: actor } }, handlers, { logger, ...options }, { clock });
    workers.push(worker);
    await worker.start();
    await clock.pass(0);
    return worker;
  }

  async function rest(worker: Worker, time: number): Promise<void> {
    const stopped = worker.stop();
    await clock.pass(0);
    await stopped;
    await clock.pass(time);
  }

  test.each([
    ["none", []],
    ["last", ["05:00"]],
    ["all", ["02:00", "03:00", "04:00", "05:00"]],
  ] as const)("catches up with %s of the ticks that passed while nobody ran", async (catchUp, missed) => {
    const actor = report({ cron: "0 * * * *", catchUp });
    const worker = await work(actor);
    await clock.pass(90 * MINUTE);
    expect(ran).toEqual(["01:00"]);
    await rest(worker, 4 * HOUR);
    await work(actor);
    expect(ran.slice(1)).toEqual(missed);
    await clock.pass(HOUR);
    expect(ran.slice(1)).toEqual([...missed, "06:00"]);
  });

  test("counts a short pause as none: what was due in it is late", async () => {
    const actor = report("* * * * *");
    const worker = await work(actor);
    await clock.pass(45_000);
    await rest(worker, 20_000);
    await work(actor);
    expect(ran).toEqual(["00:01"]);
  });

  test("catches up with the newest ticks where very many were missed", async () => {
    const actor = report({ cron: "* * * * * *", catchUp: "all" });
    const worker = await work(actor);
    await rest(worker, HOUR);
    await work(actor);
    await clock.pass(100);
    expect(ran).toHaveLength(defaults.schedules.mostMissed);
    expect(ran.at(-1)).toBe("01:00");
  });

  test("catches up with the newest ticks at once after a long time", async () => {
    const reckoned = vi.spyOn(Cron.prototype, "nextRun");
    const worker = await work(report({ cron: "* * * * * *", catchUp: "all" }));
    await rest(worker, 24 * HOUR);
    reckoned.mockClear();
    await work(report({ cron: "* * * * * *", catchUp: "all" }));
    await clock.pass(100);
    expect(ran).toHaveLength(defaults.schedules.mostMissed);
    // A few for each tick that is fired, whatever was left out.
    expect(reckoned.mock.calls.length).toBeLessThan(5 * defaults.schedules.mostMissed);
    reckoned.mockRestore();
  });

  test.each([
    ["last", ["05:00"]],
    ["all", ["02:00", "03:00", "04:00", "05:00"]],
  ] as const)("catches up with %s where its leader ends before it has begun with that", async (catchUp, missed) => {
    const actor = report({ cron: "0 * * * *", catchUp });
    const worker = await work(actor);
    await clock.pass(90 * MINUTE);
    await rest(worker, 4 * HOUR);
    const broker = memoryBroker({ backend });
    const publish = () => Promise.reject(new BrokerUnavailableError("it is away"));
    const cutOff = instead(broker, { claims: instead(claimsOf(broker, "a test"), { publish }) });
    const first = createWorker(
      cutOff,
      { test: { report: actor } },
      { test: { report: () => {} } },
      { logger },
      { clock },
    );
    workers.push(first);
    await first.start();
    await clock.pass(0);
    await rest(first, 0);
    await work(actor);
    expect(ran.slice(1)).toEqual(missed);
  });

  test("begins a schedule with the first worker, not before", async () => {
    await clock.pass(10 * HOUR);
    await work(report({ cron: "0 * * * *", catchUp: "all" }));
    expect(ran).toEqual([]);
    await clock.pass(HOUR);
    expect(ran).toEqual(["11:00"]);
  });

  test("begins a schedule anew that is due at other times", async () => {
    const worker = await work(report({ cron: "0 * * * *", catchUp: "all" }));
    await rest(worker, 3 * HOUR);
    await work(report({ cron: "30 * * * *", catchUp: "all" }));
    expect(ran).toEqual([]);
    await clock.pass(HOUR);
    expect(ran).toEqual(["03:30"]);
  });

  test("sends in the time zone that is named, in UTC without", async () => {
    await work(
      report([
        { cron: "0 3 * * *", name: "utc" },
        { cron: "0 3 * * *", name: "tokyo", timeZone: "Asia/Tokyo" },
      ]),
    );
    await clock.pass(24 * HOUR);
    expect(ran).toEqual(["03:00", "18:00"]);
  });

  test("asks about once in each half of a lease where it leads, and never where there is nothing to lead", async () => {
    const counted = (actor: Report) => {
      const broker = memoryBroker({ backend });
      let asked = 0;
      const schedules = broker.state?.schedules;
      if (schedules === undefined) throw new Error("the memory broker has a store");
      const { lead, read } = schedules;
      schedules.lead = (...args) => (asked++, lead.apply(schedules, args));
      schedules.read = (...args) => (asked++, read.apply(schedules, args));
      const worker = createWorker(
        broker,
        { test: { report: actor } },
        { test: { report: () => 1 } },
        { logger },
        { clock },
      );
      workers.push(worker);
      return { worker, asked: () => asked };
    };
    const [idle, leader, standby] = [counted(report()), counted(report("@yearly")), counted(report("@yearly"))];
    for (const { worker } of [idle, leader, standby]) {
      await worker.start();
      await clock.pass(0);
    }
    const before = [idle, leader, standby].map(({ asked }) => asked());
    await clock.pass(10 * MINUTE);
    const [byIdle = 0, byLeader = 0, byStandby = 0] = [idle, leader, standby].map(
      ({ asked }, i) => asked() - (before[i] ?? 0),
    );
    const leases = (10 * MINUTE) / defaults.schedules.lease;
    expect(byIdle).toBe(0);
    expect(byLeader).toBeLessThanOrEqual(2 * leases + 2);
    expect(byStandby).toBeLessThanOrEqual(2 * leases + 2);
  });

  test("seals what it sends, and opens what was scheduled sealed", async () => {
    const seal = createSeal({ current: "k", keys: { k: Buffer.alloc(32, 7) } });
    const actor = report({ cron: "0 * * * *", input: { n: 1 } });
    const client = createActorClient<Report>(memoryBroker({ backend }), actor, { seal });
    await client.schedule("half", { cron: "30 * * * *", input: { n: 2 } });
    expect([...(backend.schedules.get("default")?.made.values() ?? [])].join()).not.toContain('"n":2');
    await work(actor, { seal });
    await clock.pass(HOUR);
    expect(inputs).toEqual([{ n: 2 }, { n: 1 }]);
  });

  test("leaves out a tick whose input never comes, and goes on with the others", async () => {
    let asked = 0;
    const input = () => (asked++ === 0 ? new Promise<object>(() => undefined) : Promise.resolve({}));
    const worker = await work(
      report([
        { name: "slow", cron: "0 * * * *", input },
        { name: "other", cron: "1 * * * *" },
      ]),
    );
    await clock.pass(2 * HOUR);
    expect(logger.messages("error")).toEqual(["a tick was left out: it has no message"]);
    expect(ran).toHaveLength(3);
    await rest(worker, 0);
  });

  test("goes round a schedule that it cannot follow, and says so once", async () => {
    const actor = report();
    const client = createActorClient<Report>(memoryBroker({ backend }), actor);
    await client.schedule("good", "0 * * * *");
    backend.schedules.get("default")?.made.set("test.report#bad", '{"actor":"test.report","cron":7}');
    backend.schedules.get("default")?.made.set("test.gone#x", '{"actor":"test.gone","cron":"@daily"}');
    await work(actor);
    await clock.pass(2 * HOUR);
    expect(ran).toEqual(["01:00", "02:00"]);
    expect(logger.messages("warn").filter((line) => line.includes("cannot be followed"))).toHaveLength(2);
  });
});

test("a schedule that cannot be made is refused, with nothing stored", async () => {
  const backend = new MemoryBackend();
  const client = createActorClient<Report>(memoryBroker({ backend }), report({ cron: "@daily", name: "taken" }));
  const refused = (name: string, given: unknown, error: unknown) =>
    expect(client.schedule(name, given as string)).rejects.toThrow(error as RegExp);
  await refused("a", "0 0 30 2 *", /never due/);
  await refused("a b", "@daily", /its "name" must be/);
  await refused("taken", "@daily", /the contract has a schedule of the name "taken"/);
  await refused("a", { cron: "@daily", input: { n: "x" } }, InvalidInputError);
  await refused("a", { cron: "@daily", input: () => ({}) }, /can stand in a contract only/);
  await refused("a", { cron: "@daily", timeZone: "Mars" }, InvalidOptionError);
  await refused("a", { cron: "@daily", catchup: "all" }, /Did you mean "catchUp"/);
  expect(await client.schedules()).toMatchObject([{ source: "contract" }]);
});

test("without a store, a worker and a client say what is missing", async () => {
  const broker = rabbitmqBroker("amqp://localhost");
  const create = (actor: Report) =>
    createWorker(broker, { test: { report: actor } }, { test: { report: () => 1 } }, { logger: new TestLogger() });
  expect(() => create(report("@daily"))).toThrow(/test\.report: "schedule" needs a store.*redisState/);
  expect(() => create(report())).not.toThrow();
  await expect(createActorClient<Report>(broker, report()).schedule("a", "@daily")).rejects.toThrow(/needs a store/);
  await broker.close();
});

test("one that is made again after it was ended begins anew: nothing of the time between is fired", async () => {
  const clock = new MovableClock(Date.parse("2026-01-01T10:01:00Z"));
  const broker = memoryBroker({ backend: new MemoryBackend(clock) });
  const actor = report();
  let runs = 0;
  const worker = createWorker(
    broker,
    { test: { report: actor } },
    { test: { report: () => void runs++ } },
    { logger: new TestLogger() },
    { clock },
  );
  await worker.start();
  const client = createActorClient(broker, actor);
  // Another one keeps the leader leading meanwhile.
  await client.schedule("other", { cron: "0 0 1 1 *", input: {} });
  await client.schedule("often", { cron: "*/5 * * * *", input: {}, catchUp: "all" });
  await clock.pass(6 * MINUTE);
  expect(runs).toBe(1);
  await client.unschedule("often");
  await clock.pass(3 * HOUR);
  await client.schedule("often", { cron: "*/5 * * * *", input: {}, catchUp: "all" });
  await clock.pass(1000);
  expect(runs).toBe(1);
  await clock.pass(5 * MINUTE);
  expect(runs).toBe(2);
  await worker.stop();
});
