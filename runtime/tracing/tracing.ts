/** Traces by OpenTelemetry: a span for each message that is sent and for each attempt, in one trace over all processes. */
import {
  context,
  propagation,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import type { Actor } from "../actor.js";
import type { ClientMiddleware, Outgoing, SendNext } from "../client/middleware.js";
import type { Headers } from "../wire/envelope.js";
import { InvalidOptionError, toRemoteError, type RemoteError } from "../vocabulary/errors.js";
import { refuseUnknownOptions } from "../support/given-options.js";
import { andThen, orElse, type MaybePromise } from "../support/maybe.js";
import { use, type Placed } from "../middleware.js";
import type { WorkerListener } from "../worker/listener.js";
import type { Middleware, Next } from "../worker/middleware/compose.js";
import { OUTERMOST } from "../worker/middleware/stack.js";
import type { Dead, Outcome, Retry } from "../worker/outcome.js";
import { takeAlong, type Surroundings } from "../worker/threads/surroundings.js";
import type { MiddlewareTask } from "../worker/task.js";

/** How traces are made. */
export interface TracingOptions {
  /** Where spans come from. Default: the provider that is registered with OpenTelemetry. */
  readonly tracerProvider?: TracerProvider;
  /**
   * How an attempt's span refers to the one that sent the message: as its child, so that both and all retries are one
   * trace, or by a link alone, from a trace of its own. A child has the link, too. Default: `"child"`.
   */
  readonly attempts?: "child" | "link";
}

/** What makes the spans. */
export interface Tracing {
  /** For `createWorker(…, { middleware: [tracing.worker] })`. It stands outside of all others. */
  readonly worker: Placed<Middleware>;
  /** For `createClient(…, { middleware: [tracing.client] })`. */
  readonly client: Placed<ClientMiddleware>;
}

const optionNames = ["tracerProvider", "attempts"] as const satisfies (keyof TracingOptions)[];

/** Creates the middleware that traces clients and workers. Which spans are kept and where is the SDK's affair. */
export function createTracing(options: TracingOptions = {}): Tracing {
  refuseUnknownOptions("createTracing", options, optionNames);
  const { tracerProvider, attempts = "child" } = options;
  if (attempts !== "child" && attempts !== "link") {
    throw new InvalidOptionError(`"attempts" must be "child" or "link"; it is ${JSON.stringify(attempts)}.`);
  }
  takeAlong(activeContext);
  // Asked for each span: the SDK may be registered later than this is called.
  const provider = () => tracerProvider ?? trace.getTracerProvider();
  const tracer = () => provider().getTracer("callboard");
  const worker: WorkerListener = {
    ...use<Middleware>((task, next) => attempt(tracer(), task, next, attempts === "child"), {
      name: "tracing",
      before: OUTERMOST,
    }),
    stopped: () => flush(provider()),
  };
  return {
    worker,
    client: use<ClientMiddleware>((message, next) => send(tracer(), message, next), { name: "tracing" }),
  };
}

/** The context that is active where a handler is called, for one that runs in a thread. */
const activeContext: Surroundings = {
  write() {
    const headers: Record<string, string> = {};
    propagation.inject(context.active(), headers);
    return headers;
  },
  within: (written, step) => context.with(carriedContext(written), step),
};

/** Has an SDK export the spans that it keeps for a batch: the process may end at once. The API has no word for it. */
async function flush(provider: TracerProvider): Promise<void> {
  const registered = provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
  if (canFlush(registered)) await registered.forceFlush();
}

function canFlush(provider: object): provider is { forceFlush(): Promise<void> } {
  return "forceFlush" in provider && typeof provider.forceFlush === "function";
}

/** The producer's span. Its context travels in the message's headers, unless the sender has put one there. */
async function send(tracer: Tracer, message: Outgoing, next: SendNext): Promise<void> {
  const own = spanIn(carriedContext(message.headers));
  const links = linkTo(own);
  const attributes = describe("send", message.actor, message.id);
  const options = { kind: own === undefined ? SpanKind.PRODUCER : SpanKind.CLIENT, attributes, links };
  const span = tracer.startSpan(`send ${message.actor.name}`, options);
  const active = trace.setSpan(context.active(), span);
  const headers: Record<string, string> = { ...message.headers };
  if (own === undefined) propagation.inject(active, headers);
  try {
    await context.with(active, () => next({ ...message, headers }));
  } catch (error) {
    fail(span, toRemoteError(error, { stack: true }));
    throw error;
  } finally {
    span.end();
  }
}

/** The consumer's span: one for each attempt. */
function attempt(tracer: Tracer, task: MiddlewareTask, next: Next, asChild: boolean): MaybePromise<Outcome> {
  const { actor, message } = task;
  // Not what is active here: a worker takes messages in whatever context some send before happened to wake it.
  const carried = carriedContext(message.headers);
  const creator = spanIn(carried);
  const parent = asChild ? carried : trace.deleteSpan(carried);
  const attributes: Attributes = {
    ...describe("process", actor, message.id, message.queue),
    "callboard.attempt": message.attempt,
  };
  const links = linkTo(creator);
  const span = tracer.startSpan(`process ${actor.name}`, { kind: SpanKind.CONSUMER, attributes, links }, parent);
  const ended = (outcome: Outcome) => {
    span.setAttribute("callboard.outcome", outcome.kind);
    if (outcome.kind === "dead") span.setAttribute("callboard.dead_reason", outcome.reason);
    if (isFailure(outcome)) fail(span, outcome.error);
    span.end();
    return outcome;
  };
  const broken = (error: unknown) => {
    fail(span, toRemoteError(error, { stack: true }));
    span.end();
    throw error;
  };
  return context.with(trace.setSpan(parent, span), () => orElse(() => andThen(next(), ended), broken));
}

/** A handler that asked for another attempt by `RetryLater` has not failed. */
function isFailure(outcome: Outcome): outcome is Retry | Dead {
  return outcome.kind === "dead" || (outcome.kind === "retry" && outcome.foreseen !== true);
}

/** The context that a message's headers carry, in W3C's format or whatever the process uses. */
function carriedContext(headers: Headers): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** The span that a carried context names; `undefined` where it names none. */
function spanIn(carried: Context): SpanContext | undefined {
  const span = trace.getSpanContext(carried);
  return span !== undefined && trace.isSpanContextValid(span) ? span : undefined;
}

function linkTo(span: SpanContext | undefined): Link[] {
  return span === undefined ? [] : [{ context: span }];
}

/** What every span says, by OpenTelemetry's conventions for messaging; `queue` is a partition where there are some. */
function describe(operation: "send" | "process", actor: Actor, id: string, queue?: string): Attributes {
  const destination = actor.options.queue;
  const partition = queue !== undefined && queue !== destination ? queue : undefined;
  return {
    "messaging.system.name": "callboard",
    // What it was called in earlier versions of the conventions: many still read that one.
    "messaging.system": "callboard",
    "messaging.operation.name": operation,
    "messaging.operation.type": operation,
    "messaging.destination.name": destination,
    ...(partition !== undefined && { "messaging.destination.partition.id": partition.slice(destination.length + 1) }),
    "messaging.message.id": id,
    "callboard.actor": actor.name,
  };
}

function fail(span: Span, error: RemoteError): void {
  span.recordException(error);
  span.setAttribute("error.type", error.name);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
}
