/** Metrics, as a parser of Prometheus' text format reads them. */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { DoNotRetry, RetryLater, type Broker } from "callboard";
import { createActorClient, type Actor } from "callboard/client";
import { createMetrics, type MetricsOptions } from "callboard/metrics";
import { rabbitmqBroker } from "callboard/rabbitmq";
import { redisBroker } from "callboard/redis";
import { createTestKit } from "callboard/testing";
import { createWorker, use, type Middleware, type Task, type WorkerOptions } from "callboard/worker";
import parse, { type Sample } from "parse-prometheus-text-format";
import { Registry } from "prom-client";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { z } from "zod";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

type Charge = Actor<{ input: number; output: string }>;
const charge: Charge = testActor("charge", {
  input: z.number().positive(),
  output: z.string(),
  queue: "money",
  maxRetries: 1,
  minBackoff: "1s",
  maxBackoff: "1s",
});
type Note = Actor<{ input: string }>;
const note: Note = testActor("note", { input: z.string() });

const actors = { test: { charge, note } };
type Handlers = Readonly<Record<string, (input: never, task: Task) => unknown>>;

/** All samples of a text, by their metrics' names; those of a histogram by the names of its parts. */
async function readAll(text: Promise<string>): Promise<ReadonlyMap<string, readonly Sample[]>> {
  // Told that it is a histogram, the parser makes one of all of its labels.
  const families = parse((await text).replaceAll(/^# TYPE \S+ histogram$/gm, ""));
  const samples = new Map<string, readonly Sample[]>();
  for (const { name, metrics } of families) samples.set(name, [...(samples.get(name) ?? []), ...metrics]);
  return samples;
}

/** The same without counters of what has not happened. */
async function read(text: Promise<string>): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const all = await readAll(text);
  const happened = (name: string, samples: readonly Sample[]) =>
    name.endsWith("_total") ? samples.filter(({ value }) => value !== "0") : samples;
  return new Map([...all].map(([name, samples]) => [name, happened(name, samples)]));
}

function setUp(options: MetricsOptions = {}) {
  const kit = createTestKit({ failFast: false });
  onTestFinished(() => kit.close());
  const metrics = createMetrics({ registry: new Registry(), broker: kit.broker, ...options });
  const clients = { middleware: [metrics.client] };
  return {
    kit,
    metrics,
    charges: createActorClient<Charge>(kit.broker, charge, clients),
    notes: createActorClient<Note>(kit.broker, note, clients),
    async work(given: Handlers, more: WorkerOptions = {}) {
      const handlers = { charge: () => "r1", note: () => undefined, ...given };
      const middleware = [metrics.worker, ...(more.middleware ?? [])];
      const logger = new TestLogger();
      await kit.start(createWorker(kit.broker, actors, { test: handlers }, { logger, ...more, middleware }));
    },
  };
}

const ofCharge = { actor: "test.charge", queue: "money" };
const ofNote = { actor: "test.note", queue: "default" };

describe("metrics", () => {
  it("count what was sent, processed, failed, retried and dead, by actor, queue and reason", async () => {
    const { kit, metrics, charges, notes, work } = setUp();
    await work({
      charge: (amount: number, { message }: Task) => {
        if (amount > 1000) throw new DoNotRetry("declined");
        if (amount === 3 || message.attempt === 1) throw new Error("busy");
        return "r1";
      },
    });
    await charges.sendMany([1, 2, 3, 5000]);
    await notes.send("hello");
    await notes.send(5 as never).catch(() => undefined);
    await kit.advance("1m");

    const counted = await read(metrics.text());
    const value = (labels: object, count: number) => [{ labels, value: String(count) }];
    expect(counted.get("callboard_messages_sent_total")).toEqual([...value(ofCharge, 4), ...value(ofNote, 1)]);
    expect(counted.get("callboard_messages_processed_total")).toEqual(
      expect.arrayContaining([...value(ofCharge, 2), ...value(ofNote, 1)]),
    );
    expect(counted.get("callboard_messages_failed_total")).toEqual(value(ofCharge, 5));
    expect(counted.get("callboard_messages_retried_total")).toEqual(value(ofCharge, 3));
    expect(counted.get("callboard_messages_dead_total")).toEqual(
      expect.arrayContaining([
        ...value({ ...ofCharge, reason: "do-not-retry" }, 1),
        ...value({ ...ofCharge, reason: "retries-exhausted" }, 1),
      ]),
    );
    expect(counted.get("callboard_message_duration_seconds_count")).toEqual(
      expect.arrayContaining([...value(ofCharge, 7), ...value(ofNote, 1)]),
    );
  });

  it("begin at 0 for every actor of the worker, so that its first failure is a step that Prometheus sees", async () => {
    const { metrics, work } = setUp();
    await work({}, { queues: ["money"] });
    const counted = await readAll(metrics.text());
    const none = (labels: object) => ({ labels, value: "0" });
    for (const what of ["processed", "failed", "retried", "cancelled"]) {
      expect(counted.get(`callboard_messages_${what}_total`)).toEqual([none(ofCharge)]);
    }
    expect(counted.get("callboard_messages_unknown_actor_total")).toEqual([none({ queue: "money" })]);
    const dead = counted.get("callboard_messages_dead_total") ?? [];
    expect(dead).toContainEqual(none({ ...ofCharge, reason: "retries-exhausted" }));
    expect(dead).toContainEqual(none({ actor: "unknown", queue: "money", reason: "undecodable" }));
    expect(dead.map(({ labels }) => labels?.["queue"]).filter((queue) => queue !== "money")).toEqual([]);
  });

  it("have names and types by Prometheus' conventions, and say what they are", async () => {
    const { kit, metrics, charges, work } = setUp();
    await work({});
    await charges.send(1);
    await kit.drain();
    const families = parse(await metrics.text());
    expect(Object.fromEntries(families.map(({ name, type }) => [name, type]))).toEqual({
      callboard_messages_sent_total: "COUNTER",
      callboard_messages_processed_total: "COUNTER",
      callboard_messages_failed_total: "COUNTER",
      callboard_messages_retried_total: "COUNTER",
      callboard_messages_cancelled_total: "COUNTER",
      callboard_messages_dead_total: "COUNTER",
      callboard_messages_unknown_actor_total: "COUNTER",
      callboard_messages_in_progress: "GAUGE",
      callboard_message_duration_seconds: "HISTOGRAM",
      callboard_message_time_in_queue_seconds: "HISTOGRAM",
      callboard_queue_messages: "GAUGE",
      callboard_queue_oldest_message_age_seconds: "GAUGE",
      callboard_broker_up: "GAUGE",
    });
    expect(families.filter(({ help }) => !help.endsWith("."))).toEqual([]);
  });

  it("tell what is in progress", async () => {
    const { kit, metrics, notes, work } = setUp();
    let end = () => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    await work({ note: () => ended });
    await notes.sendMany(["a", "b"]);
    const inProgress = async () => (await read(metrics.text())).get("callboard_messages_in_progress");
    await eventually("both", async () => (await inProgress())?.[0]?.value === "2");
    end();
    await kit.drain();
    expect(await inProgress()).toEqual([{ labels: ofNote, value: "0" }]);
  });

  it("measure how long a message waited for its first attempt, from the moment when it was due", async () => {
    const { kit, metrics, charges, notes, work } = setUp();
    await notes.send("at once");
    await notes.send("later", { delay: "30s" });
    await charges.send(1);
    await kit.advance("50s");
    await work({ charge: () => Promise.reject(new Error("busy")) });
    await kit.advance("1m");
    const known = await read(metrics.text());
    const waited = (part: string) => known.get(`callboard_message_time_in_queue_seconds_${part}`);
    expect(waited("sum")).toEqual(
      expect.arrayContaining([
        { labels: ofNote, value: "70" },
        { labels: ofCharge, value: "50" },
      ]),
    );
    // A retry does not count once more.
    expect(waited("count")).toEqual(
      expect.arrayContaining([
        { labels: ofNote, value: "2" },
        { labels: ofCharge, value: "1" },
      ]),
    );
  });

  it("count no attempt where there was none, and a failure where a middleware outside of the retries throws", async () => {
    const { kit, metrics, notes, work } = setUp();
    let visits = 0;
    const closed: Middleware = (_, next) => (++visits === 1 ? { kind: "postpone", delay: 1000 } : next());
    const broken: Middleware = (_, next) => {
      if (visits < 3) return next();
      throw new Error("broken");
    };
    await work({}, { middleware: [use(broken, { before: "input" }), use(closed, { before: "input" })] });
    await notes.send("a");
    await kit.advance("1s");
    await kit.drain();
    let counted = await read(metrics.text());
    expect(counted.get("callboard_messages_processed_total")).toEqual([{ labels: ofNote, value: "1" }]);
    expect(counted.get("callboard_message_duration_seconds_count")).toEqual([{ labels: ofNote, value: "1" }]);
    visits = 3;
    await notes.send("b");
    await kit.drain();
    counted = await read(metrics.text());
    expect(counted.get("callboard_messages_failed_total")).toEqual([{ labels: ofNote, value: "1" }]);
    expect(counted.get("callboard_messages_in_progress")).toEqual([{ labels: ofNote, value: "0" }]);
  });

  it("count what becomes of a message whose attempts a middleware outside of the retries ends by throwing", async () => {
    const { kit, metrics, charges, work } = setUp();
    const broken: Middleware = () => {
      throw new Error("broken");
    };
    await work({}, { middleware: [use(broken, { before: "flows" })] });
    await charges.send(1);
    await kit.advance("10s");
    expect(kit.deadLetters).toMatchObject([{ reason: "retries-exhausted", attempts: 2 }]);
    const counted = await read(metrics.text());
    const value = (labels: object, count: number) => [{ labels, value: String(count) }];
    expect(counted.get("callboard_messages_failed_total")).toEqual(value(ofCharge, 2));
    expect(counted.get("callboard_messages_retried_total")).toEqual(value(ofCharge, 1));
    expect(counted.get("callboard_messages_dead_total")).toEqual(
      value({ ...ofCharge, reason: "retries-exhausted" }, 1),
    );
    expect(counted.get("callboard_messages_in_progress")).toEqual(value(ofCharge, 0));
  });

  it("count no attempt at a message that was too old for another one", async () => {
    const { kit, metrics, notes, work } = setUp();
    await work({ note: () => Promise.reject(new RetryLater("1h")) });
    await notes.send("a", { maxAge: "30m" });
    await kit.advance("1h");
    expect(kit.deadLetters).toMatchObject([{ reason: "expired", attempts: 1 }]);
    const counted = await read(metrics.text());
    const value = (labels: object) => [{ labels, value: "1" }];
    expect(counted.get("callboard_messages_failed_total")).toEqual(value(ofNote));
    expect(counted.get("callboard_messages_dead_total")).toEqual(value({ ...ofNote, reason: "expired" }));
    expect(counted.get("callboard_message_duration_seconds_count")).toEqual(value(ofNote));
  });

  it("count what was cancelled", async () => {
    const { kit, metrics, notes, work } = setUp();
    const message = await notes.send("a");
    await message.cancel();
    await work({});
    await kit.drain();
    const counted = await read(metrics.text());
    expect(counted.get("callboard_messages_cancelled_total")).toEqual([{ labels: ofNote, value: "1" }]);
    expect(counted.get("callboard_messages_processed_total") ?? []).toEqual([]);
    expect(counted.get("callboard_message_duration_seconds_count") ?? []).toEqual([]);
  });

  it("tell how the queues stand, whenever they are read", async () => {
    const { kit, metrics, charges, notes, work } = setUp();
    await charges.sendMany([1, 2, 3]);
    await notes.send("later", { delay: "1h" });
    await kit.advance("10s");
    const states = async () => {
      const known = await read(metrics.text());
      const samples = known.get("callboard_queue_messages") ?? [];
      return {
        counts: Object.fromEntries(
          samples.map(({ labels, value }) => [`${labels?.["queue"]} ${labels?.["state"]}`, Number(value)]),
        ),
        age: known.get("callboard_queue_oldest_message_age_seconds"),
        up: known.get("callboard_broker_up"),
      };
    };
    const before = await states();
    expect(before.counts).toMatchObject({ "money waiting": 3, "money dead": 0, "default delayed": 1 });
    expect(before.age).toContainEqual({ labels: { queue: "money" }, value: "10" });
    expect(before.up).toEqual([{ value: "1" }]);

    await work({ charge: () => Promise.reject(new DoNotRetry("no")) });
    await kit.drain();
    const after = await states();
    expect(after.counts).toMatchObject({ "money waiting": 0, "money dead": 3, "default delayed": 1 });
    expect(after.age).toContainEqual({ labels: { queue: "money" }, value: "0" });
  });

  it("say that the broker is not there, and the rest all the same", async () => {
    const gone = redisBroker("redis://127.0.0.1:1");
    onTestFinished(() => gone.close());
    const { metrics, notes } = setUp({ broker: gone });
    await notes.send("a");
    const known = await read(metrics.text());
    expect(known.get("callboard_broker_up")).toEqual([{ value: "0" }]);
    expect(known.get("callboard_queue_messages") ?? []).toEqual([]);
    expect(known.get("callboard_messages_sent_total")).toEqual([{ labels: ofNote, value: "1" }]);
  });

  it("are the same for the same registry, others under another prefix, and refuse what they do not know", async () => {
    const registry = new Registry();
    const metrics = createMetrics({ registry });
    expect(createMetrics({ registry })).toBe(metrics);
    const { notes } = setUp({ registry, prefix: "shop_" });
    await notes.send("a");
    const known = await read(metrics.text());
    expect(known.get("shop_messages_sent_total")).toHaveLength(1);
    expect(known.get("callboard_messages_sent_total") ?? []).toEqual([]);
    expect(metrics.contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(() => createMetrics({ registry, prefix: "shop-" })).toThrow(/"prefix" must be letters/);
    expect(() => createMetrics({ regsitry: registry } as never)).toThrow(/Did you mean "registry"/);
    expect(createMetrics()).toBe(createMetrics());
  });

  it("name no label but by the contracts: what anybody else sends makes no new one", async () => {
    const { kit, metrics, work } = setUp();
    await work({}, { unknownActorGrace: 0 });
    const foreign = (actor: string) => `{"id":"${actor}","actor":"${actor}","v":"0","at":1,"input":"x"}`;
    const put = (id: string, body: string) =>
      kit.broker.publish([{ id, queue: "default", priority: 5, delay: 0, body }]);
    await put("1", foreign("nobody.1"));
    await put("2", foreign("nobody.2"));
    await put("3", "no envelope");
    await put("4", '{"id":"4","actor":"test.note","v":"0","at":1,"input":5}');
    await kit.advance("1s");
    expect(kit.deadLetters).toHaveLength(4);
    const known = await read(metrics.text());
    const dead = known.get("callboard_messages_dead_total");
    const ofNobody = { actor: "unknown", queue: "default" };
    expect(dead).toHaveLength(3);
    expect(dead).toEqual(
      expect.arrayContaining([
        { labels: { ...ofNote, reason: "invalid-input" }, value: "1" },
        { labels: { ...ofNobody, reason: "unknown-actor" }, value: "2" },
        { labels: { ...ofNobody, reason: "undecodable" }, value: "1" },
      ]),
    );
    expect(known.get("callboard_messages_failed_total") ?? []).toEqual([]);
    expect(await metrics.text()).not.toContain("nobody");
  });
});

describe("metrics of messages that come to no actor", () => {
  type Mail = Actor<{ input: string }>;
  const mail: Mail = testActor("mail", { input: z.string(), queue: "mails", partitions: 2 });

  it("count one for an unknown actor once, however often it is put back, and once more when it is dead", async () => {
    const { kit, metrics } = setUp();
    const worker = { logger: new TestLogger(), middleware: [metrics.worker], unknownActorGrace: 60_000 };
    await kit.start(createWorker(kit.broker, { test: { mail } }, { test: { mail: () => undefined } }, worker));
    const body = '{"id":"1","actor":"nobody.1","v":"0","at":1,"input":"x"}';
    await kit.broker.publish([{ id: "1", queue: "mails.1", priority: 5, delay: 0, body }]);
    await kit.advance("10s");
    // Named by the queue of the contract, not by its partition.
    const met = [{ labels: { queue: "mails" }, value: "1" }];
    let known = await read(metrics.text());
    expect(known.get("callboard_messages_unknown_actor_total")).toEqual(met);
    expect(known.get("callboard_messages_dead_total") ?? []).toEqual([]);
    await kit.advance("1m");
    known = await read(metrics.text());
    expect(known.get("callboard_messages_unknown_actor_total")).toEqual(met);
    expect(known.get("callboard_messages_dead_total")).toEqual([
      { labels: { actor: "unknown", queue: "mails", reason: "unknown-actor" }, value: "1" },
    ]);
  });
});

it.each([
  ["Redis", (prefix: string) => redisBroker(inject("redisUrl"), { prefix }), undefined],
  ["RabbitMQ", (prefix: string) => rabbitmqBroker(inject("rabbitmqUrl"), { prefix }), ["money", "default"]],
])("on %s, they tell the same of a message's whole way", async (_name, connect, queues) => {
  const prefix = `metrics-${randomUUID()}`;
  const open = (): Broker => {
    const broker = connect(prefix);
    onTestFinished(() => broker.close());
    return broker;
  };
  const broker = open();
  const metrics = createMetrics({ registry: new Registry(), broker, ...(queues && { queues }) });
  const handlers = { test: { charge: () => "r1", note: () => Promise.reject(new DoNotRetry("no")) } };
  const options = { logger: new TestLogger(), middleware: [metrics.worker] };
  const worker = createWorker(open(), actors, handlers, options);
  const charges = createActorClient<Charge>(broker, charge, { middleware: [metrics.client] });
  const notes = createActorClient<Note>(broker, note, { middleware: [metrics.client] });
  await notes.send("no");
  await worker.start();
  onTestFinished(() => worker.stop());
  expect(await charges.call(1, { timeout: "20s" })).toBe("r1");

  const dead = { labels: { queue: "default", state: "dead" }, value: "1" };
  // The caller has its answer before the attempt is counted.
  await eventually("the dead letter, and both attempts to be counted", async () => {
    const known = await read(metrics.text());
    const states = known.get("callboard_queue_messages") ?? [];
    const counted = known.get("callboard_messages_processed_total")?.length === 1;
    return counted && states.some(({ labels, value }) => isDeepStrictEqual({ labels, value }, dead));
  });
  const known = await read(metrics.text());
  expect(known.get("callboard_messages_sent_total")).toHaveLength(2);
  expect(known.get("callboard_messages_processed_total")).toEqual([{ labels: ofCharge, value: "1" }]);
  expect(known.get("callboard_messages_dead_total")).toEqual([
    { labels: { ...ofNote, reason: "do-not-retry" }, value: "1" },
  ]);
  expect(known.get("callboard_message_time_in_queue_seconds_count")).toHaveLength(2);
  expect(known.get("callboard_broker_up")).toEqual([{ value: "1" }]);
});
