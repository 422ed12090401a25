/** Traces, as OpenTelemetry's SDK collects them in memory. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type TracerProvider,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace-base";
import { DoNotRetry, memoryBroker, RetryLater, type Broker } from "callboard";
import { createActorClient, pipeline, type Actor } from "callboard/client";
import { rabbitmqBroker } from "callboard/rabbitmq";
import { redisBroker } from "callboard/redis";
import { createTestKit } from "callboard/testing";
import { createTracing, type TracingOptions } from "callboard/tracing";
import { createWorker, use, type Middleware, type Task, type WorkerOptions } from "callboard/worker";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createProject } from "../setup/project.js";
import { TestLogger, testActor } from "../support/actors.js";
import { eventually } from "../support/eventually.js";

type Charge = Actor<{ input: number; output: string }>;
const charge: Charge = testActor("charge", { input: z.number(), output: z.string(), queue: "money", maxRetries: 2 });
type Mail = Actor<{ input: string }>;
const mail: Mail = testActor("mail", { input: z.string(), queue: "mail", partitions: 2, partitionKey: () => "same" });
const actors = { test: { charge, mail } };
type Handlers = Readonly<Record<string, (input: never, task: Task) => unknown>>;

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer("test");

beforeAll(() => {
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
});
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});
beforeEach(() => exporter.reset());

/** What ended, in the order in which it began. */
function spans(): readonly ReadableSpan[] {
  const time = ({ startTime: [seconds, nanoseconds] }: ReadableSpan) => seconds * 1e9 + nanoseconds;
  return exporter.getFinishedSpans().toSorted((one, other) => time(one) - time(other));
}

const named = (name: string) => spans().filter((span) => span.name === name);
const traceOf = (span: ReadableSpan | undefined) => span?.spanContext().traceId;
const idOf = (span: ReadableSpan | undefined) => span?.spanContext().spanId;

function setUp(options?: TracingOptions) {
  const kit = createTestKit({ failFast: false });
  onTestFinished(() => kit.close());
  const tracing = createTracing(options);
  const clients = { middleware: [tracing.client] };
  return {
    kit,
    charges: createActorClient<Charge>(kit.broker, charge, clients),
    mails: createActorClient<Mail>(kit.broker, mail, clients),
    async work(given: Handlers, { middleware = [] }: WorkerOptions = {}) {
      const handlers = { charge: () => "r1", mail: () => undefined, ...given };
      const all = { logger: new TestLogger(), middleware: [tracing.worker, ...middleware] };
      await kit.start(createWorker(kit.broker, actors, { test: handlers }, all));
    },
  };
}

describe("traces", () => {
  it("name who sent a message and who handled it, by the conventions for messaging", async () => {
    const { kit, charges, mails, work } = setUp();
    await work({});
    const { id } = await charges.send(1);
    const sent = await mails.send("ada");
    await kit.drain();
    const attributes = {
      "messaging.system.name": "callboard",
      "messaging.system": "callboard",
      "messaging.destination.name": "money",
      "messaging.message.id": id,
      "callboard.actor": "test.charge",
    };
    const [producer] = named("send test.charge");
    expect(producer).toMatchObject({ kind: SpanKind.PRODUCER, status: { code: SpanStatusCode.UNSET } });
    expect(producer?.attributes).toEqual({
      ...attributes,
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
    });
    const [consumer] = named("process test.charge");
    expect(consumer).toMatchObject({ kind: SpanKind.CONSUMER, status: { code: SpanStatusCode.UNSET } });
    expect(consumer?.attributes).toEqual({
      ...attributes,
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "callboard.attempt": 1,
      "callboard.outcome": "done",
    });
    expect(named("process test.mail")[0]?.attributes).toMatchObject({
      "messaging.destination.name": "mail",
      "messaging.destination.partition.id": sent.queue.replace("mail.", ""),
    });
  });

  it("are one, from whoever sent over all attempts to what the handler did and sent itself", async () => {
    const { kit, charges, mails, work } = setUp();
    await work({
      charge: async (_: number, { message }: Task) => {
        if (message.attempt === 1) throw new TypeError("busy");
        await tracer.startActiveSpan("the gateway", async (span) => {
          await Promise.resolve();
          span.end();
        });
        await mails.send("ada");
        return "r1";
      },
    });
    await tracer.startActiveSpan("checkout", async (span) => {
      await charges.send(1);
      span.end();
    });
    await kit.advance("1m");

    const [checkout] = named("checkout");
    const [producer] = named("send test.charge");
    const [first, second] = named("process test.charge");
    const [mailed] = named("send test.mail");
    const [received] = named("process test.mail");
    expect(producer?.parentSpanContext?.spanId).toBe(idOf(checkout));
    for (const attempt of [first, second]) {
      expect(attempt?.parentSpanContext?.spanId).toBe(idOf(producer));
      expect(attempt?.links.map((link) => link.context.spanId)).toEqual([idOf(producer)]);
    }
    expect(first?.attributes).toMatchObject({
      "callboard.attempt": 1,
      "callboard.outcome": "retry",
      "error.type": "TypeError",
    });
    expect(first?.status).toEqual({ code: SpanStatusCode.ERROR, message: "busy" });
    expect(first?.events).toMatchObject([
      { name: "exception", attributes: { "exception.type": "TypeError", "exception.message": "busy" } },
    ]);
    expect(second).toMatchObject({
      attributes: { "callboard.attempt": 2, "callboard.outcome": "done" },
      status: { code: SpanStatusCode.UNSET },
      events: [],
    });
    expect(named("the gateway")[0]?.parentSpanContext?.spanId).toBe(idOf(second));
    expect(mailed?.parentSpanContext?.spanId).toBe(idOf(second));
    expect(received?.parentSpanContext?.spanId).toBe(idOf(mailed));
    expect(new Set(spans().map(traceOf)).size).toBe(1);
  });

  it("are one over all steps of a pipeline, also those that workers hand on", async () => {
    const { kit, charges, mails, work } = setUp();
    await work({});
    await pipeline(charges.message(1), mails).send();
    await kit.drain();
    expect(spans().map(({ name }) => name)).toEqual(["send test.charge", "process test.charge", "process test.mail"]);
    expect(new Set(spans().map(traceOf)).size).toBe(1);
    expect(kit.sent(mails)).toMatchObject([{ input: "r1" }]);
  });

  it("say what becomes of an attempt in which a middleware outside of the retries throws", async () => {
    const { kit, charges, work } = setUp();
    const broken: Middleware = () => {
      throw new RangeError("broken");
    };
    await work({}, { middleware: [use(broken, { before: "flows" })] });
    await charges.send(1, { maxRetries: 1 });
    await kit.advance("1m");
    const attempts = named("process test.charge").map(({ attributes, status }) => ({
      outcome: attributes["callboard.outcome"],
      reason: attributes["callboard.dead_reason"],
      error: attributes["error.type"],
      status,
    }));
    const failed = { error: "RangeError", status: { code: SpanStatusCode.ERROR, message: "broken" } };
    expect(attempts).toEqual([
      { ...failed, outcome: "retry", reason: undefined },
      { ...failed, outcome: "dead", reason: "retries-exhausted" },
    ]);
  });

  it("take a handler that asks for another attempt for no failure", async () => {
    const { kit, charges, work } = setUp();
    await work({
      charge: (_: number, { message }: Task) => Promise.reject(new RetryLater("5s", `#${message.attempt}`)),
    });
    await charges.send(1, { maxRetries: 1 });
    await kit.advance("1m");
    const [asked, last] = named("process test.charge");
    expect(asked).toMatchObject({ status: { code: SpanStatusCode.UNSET }, events: [] });
    expect(asked?.attributes).not.toHaveProperty("error.type");
    expect(asked?.attributes["callboard.outcome"]).toBe("retry");
    expect(last?.status).toEqual({ code: SpanStatusCode.ERROR, message: "#2" });
  });

  it("say why a message is dead", async () => {
    const { kit, charges, work } = setUp();
    await work({ charge: () => Promise.reject(new DoNotRetry("declined")) });
    await charges.send(1);
    await kit.drain();
    const [consumer] = named("process test.charge");
    expect(consumer?.attributes).toMatchObject({
      "callboard.outcome": "dead",
      "callboard.dead_reason": "do-not-retry",
    });
    expect(consumer?.status).toEqual({ code: SpanStatusCode.ERROR, message: "declined" });
  });

  it("tell that a message could not be sent, and why", async () => {
    const { kit, mails } = setUp();
    kit.faults.disconnect();
    await mails.send("ada").catch(() => undefined);
    const [producer] = named("send test.mail");
    expect(producer?.status.code).toBe(SpanStatusCode.ERROR);
    expect(producer?.attributes["error.type"]).toBe("BrokerUnavailableError");
  });

  it("can be traces of their own for each attempt, with a link alone to who sent", async () => {
    const { kit, charges, work } = setUp({ attempts: "link" });
    await work({});
    await charges.send(1);
    await kit.drain();
    const [producer] = named("send test.charge");
    const [consumer] = named("process test.charge");
    expect(consumer?.parentSpanContext).toBeUndefined();
    expect(consumer?.links.map((link) => link.context.spanId)).toEqual([idOf(producer)]);
    expect(traceOf(consumer)).not.toBe(traceOf(producer));
    expect(() => createTracing({ attempts: "parent" as never })).toThrow(/"attempts" must be "child" or "link"/);
  });

  it("keep the context that a sender has put into the headers", async () => {
    const { kit, charges, work } = setUp();
    await work({});
    const own = {
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      traceFlags: TraceFlags.SAMPLED,
    };
    const traceparent = `00-${own.traceId}-${own.spanId}-01`;
    await charges.send(1, { headers: { traceparent, tenant: "acme" } });
    await kit.drain();
    expect(kit.sent(charge)[0]?.headers).toEqual({ traceparent, tenant: "acme" });
    const [producer] = named("send test.charge");
    const [consumer] = named("process test.charge");
    expect(producer).toMatchObject({ kind: SpanKind.CLIENT, links: [{ context: own }] });
    expect(consumer?.parentSpanContext).toMatchObject({ spanId: own.spanId, isRemote: true });
    expect(traceOf(consumer)).toBe(own.traceId);
  });

  it("begin with the attempt where the message carries none, whatever is active in the worker's process", async () => {
    const { kit, work } = setUp();
    await work({});
    const plain = createActorClient<Charge>(kit.broker, charge);
    await tracer.startActiveSpan("elsewhere", async (span) => {
      await plain.send(1, { headers: { traceparent: "no trace" } });
      await kit.drain();
      span.end();
    });
    const [consumer] = named("process test.charge");
    expect(consumer?.parentSpanContext).toBeUndefined();
    expect(consumer?.links).toEqual([]);
  });
});

describe("traces of an isolated actor", () => {
  type Heavy = Actor<{ input: number; output: unknown }>;
  const heavy: Heavy = testActor("heavy", { input: z.number(), output: z.unknown(), isolate: true });
  const handlers = `
    import { context, propagation, trace } from "@opentelemetry/api";
    import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
    import { W3CTraceContextPropagator } from "@opentelemetry/core";
    import { createTracing } from "callboard/tracing";
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    createTracing();
    export const test = { heavy: () => trace.getSpanContext(context.active()) ?? null };
  `;

  it("go on in the thread: what the handler does there is within the attempt's span", async () => {
    const project = createProject({ "handlers.mjs": handlers });
    const installed = fileURLToPath(new URL("../../node_modules/@opentelemetry", import.meta.url));
    symlinkSync(installed, join(project.directory, "node_modules", "@opentelemetry"));
    const broker = memoryBroker();
    const tracing = createTracing();
    const isolate = pathToFileURL(join(project.directory, "handlers.mjs"));
    const options = { logger: new TestLogger(), middleware: [tracing.worker], isolate };
    const worker = createWorker(broker, { test: { heavy } }, { test: {} }, options);
    await worker.start();
    onTestFinished(() => worker.stop());
    const client = createActorClient<Heavy>(broker, heavy, { middleware: [tracing.client] });
    const seen = await client.call(1, { timeout: "25s" });
    await eventually("the attempt", () => named("process test.heavy").length === 1);
    const [attempt] = named("process test.heavy");
    expect(seen).toMatchObject({ traceId: traceOf(attempt), spanId: idOf(attempt), isRemote: true });
  });
});

it("are exported when the worker stops, though their processor waits for a batch", async () => {
  const batched = new InMemorySpanExporter();
  const processor = new BatchSpanProcessor(batched, { scheduledDelayMillis: 60_000 });
  onTestFinished(() => processor.shutdown());
  trace.disable();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor] }));
  onTestFinished(() => {
    trace.disable();
    trace.setGlobalTracerProvider(provider);
  });
  const { kit, charges, work } = setUp();
  await work({});
  await charges.send(1);
  await kit.drain();
  expect(batched.getFinishedSpans()).toEqual([]);
  await kit.close();
  expect(batched.getFinishedSpans().map(({ name }) => name)).toEqual(["send test.charge", "process test.charge"]);
});

it("let the worker stop where they cannot be exported", async () => {
  const forceFlush = () => Promise.reject(new Error("no collector"));
  const tracing = createTracing({ tracerProvider: { getTracer: () => tracer, forceFlush } as TracerProvider });
  const kit = createTestKit();
  onTestFinished(() => kit.close());
  const logger = new TestLogger();
  const handlers = { test: { charge: () => "r1", mail: () => undefined } };
  const worker = createWorker(kit.broker, actors, handlers, { logger, middleware: [tracing.worker] });
  await kit.start(worker);
  await worker.stop();
  expect(worker.state).toBe("stopped");
  expect(logger.messages("warn")).toEqual(["a middleware could not finish its work"]);
});

it.each([
  ["Redis", (prefix: string) => redisBroker(inject("redisUrl"), { prefix })],
  ["RabbitMQ", (prefix: string) => rabbitmqBroker(inject("rabbitmqUrl"), { prefix })],
])("on %s, producer and consumer are one trace", async (_name, connect) => {
  const prefix = `tracing-${process.pid}-${Date.now()}`;
  const open = (): Broker => {
    const broker = connect(prefix);
    onTestFinished(() => broker.close());
    return broker;
  };
  const tracing = createTracing({ tracerProvider: provider });
  const handlers = {
    test: {
      charge: (_: number, { message }: Task) => {
        if (message.attempt === 1) throw new Error("busy");
        return "r1";
      },
      mail: () => undefined,
    },
  };
  const worker = createWorker(open(), actors, handlers, { logger: new TestLogger(), middleware: [tracing.worker] });
  await worker.start();
  onTestFinished(() => worker.stop());
  const charges = createActorClient<Charge>(open(), charge, { middleware: [tracing.client] });
  expect(await charges.call(1, { timeout: "20s" })).toBe("r1");
  await eventually("both attempts", () => named("process test.charge").length === 2);
  const [producer] = named("send test.charge");
  const attempts = named("process test.charge");
  expect(attempts.map((span) => span.parentSpanContext?.spanId)).toEqual([idOf(producer), idOf(producer)]);
  expect(new Set(spans().map(traceOf)).size).toBe(1);
});
