/** Metrics for Prometheus: what clients send, what workers do, and how the queues stand. */
import { register, type Registry } from "prom-client";
import type { Broker } from "../seams/broker.js";
import type { ClientMiddleware } from "../client/middleware.js";
import { systemClock } from "../support/clock.js";
import type { Envelope } from "../wire/envelope.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import { refuseUnknownOptions } from "../support/given-options.js";
import { andThen, orElse, type MaybePromise } from "../support/maybe.js";
import { use, type Placed } from "../middleware.js";
import type { WorkerListener } from "../worker/listener.js";
import type { Middleware, Next } from "../worker/middleware/compose.js";
import { OUTERMOST } from "../worker/middleware/stack.js";
import type { Outcome } from "../worker/outcome.js";
import type { MiddlewareTask } from "../worker/task.js";
import { registerDepths } from "./depths.js";
import { Meters, type ActorMeters } from "./meters.js";

/** What is measured, and where it is kept. */
export interface MetricsOptions {
  /** Where the metrics are registered. Default: prom-client's own registry. */
  readonly registry?: Registry;
  /** What all names begin with. Default: `"callboard_"`. */
  readonly prefix?: string;
  /** Asked how its queues stand whenever the metrics are read. Its clock tells how long messages waited. */
  readonly broker?: Broker;
  /** The queues that are asked for. Default: all that the broker knows by itself. */
  readonly queues?: readonly string[];
}

/** What counts and measures, and the text of it. */
export interface Metrics {
  /** For `createWorker(…, { middleware: [metrics.worker] })`. It stands outside of all others. */
  readonly worker: Placed<Middleware>;
  /** For `createClient(…, { middleware: [metrics.client] })`. */
  readonly client: Placed<ClientMiddleware>;
  /** All metrics of the registry, as Prometheus reads them. */
  text(): Promise<string>;
  /** The value of the header `content-type` that goes with the text. */
  readonly contentType: string;
}

const optionNames = ["registry", "prefix", "broker", "queues"] as const satisfies (keyof MetricsOptions)[];

/** What exists already: the same registry takes each name once. */
const existing = new WeakMap<Registry, Map<string, PrometheusMetrics>>();

/** Creates the metrics of a registry. Asked again for the same registry and prefix, it returns the same. */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  refuseUnknownOptions("createMetrics", options, optionNames);
  const { registry = register, prefix = "callboard_", broker, queues } = options;
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(prefix)) {
    throw new InvalidOptionError(`"prefix" must be letters, digits and underscores; it is ${JSON.stringify(prefix)}.`);
  }
  const ofRegistry = existing.get(registry) ?? new Map<string, PrometheusMetrics>();
  existing.set(registry, ofRegistry);
  const metrics = ofRegistry.get(prefix) ?? new PrometheusMetrics(registry, prefix);
  ofRegistry.set(prefix, metrics);
  if (broker !== undefined) metrics.watch(broker, queues);
  return metrics;
}

class PrometheusMetrics implements Metrics {
  readonly worker: Placed<Middleware>;
  readonly client: Placed<ClientMiddleware>;
  readonly #registry: Registry;
  readonly #meters: Meters;
  readonly #prefix: string;
  #broker: Broker | undefined;

  constructor(registry: Registry, prefix: string) {
    this.#registry = registry;
    this.#prefix = prefix;
    this.#meters = new Meters(registry, prefix);
    const worker: WorkerListener = {
      ...use<Middleware>((task, next) => this.#attempt(task, next), { name: "metrics", before: OUTERMOST }),
      serving: (actors) => this.#meters.expect(actors),
      stray: (stray) => this.#meters.stray(stray),
    };
    this.worker = worker;
    this.client = use<ClientMiddleware>(
      async (message, next) => {
        await next(message);
        this.#meters.of(message.actor).sent();
      },
      { name: "metrics" },
    );
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Has a broker asked how its queues stand: the first that is named. */
  watch(broker: Broker, queues: readonly string[] | undefined): void {
    if (this.#broker !== undefined) return;
    this.#broker = broker;
    const { operations } = broker;
    if (operations !== undefined) registerDepths(this.#registry, this.#prefix, { operations, queues });
  }

  #attempt(task: MiddlewareTask, next: Next): MaybePromise<Outcome> {
    const meters = this.#meters.of(task.actor);
    const started = systemClock.elapsed();
    const waited = task.envelope.attempt === 1 ? this.#waited(task.envelope) : undefined;
    meters.began();
    const ended = (outcome: Outcome) => {
      const attempted = wasAttempted(outcome, task);
      meters.ended(attempted ? secondsSince(started) : undefined);
      if (waited !== undefined && attempted) void andThen(waited, meters.waited);
      count(meters, outcome, attempted);
      return outcome;
    };
    const broken = (error: unknown) => {
      // A middleware outside of the retries failed: the worker makes a failed attempt of it.
      meters.ended(secondsSince(started));
      meters.failed();
      throw error;
    };
    return orElse(() => andThen(next(), ended), broken);
  }

  /** How long a message waited for its first attempt, in seconds. */
  #waited({ at, due = at }: Envelope): MaybePromise<number> {
    const now = orElse<number>(
      () => this.#broker?.now() ?? systemClock.now(),
      () => systemClock.now(),
    );
    // The sender's clock may be ahead.
    return andThen(now, (taken) => Math.max(0, taken - due) / 1000);
  }
}

/** Whether it was an attempt, and not only a look at the message: one that is too old is dead without another. */
function wasAttempted(outcome: Outcome, { message }: MiddlewareTask): boolean {
  if (outcome.kind === "dead") return outcome.attempts === message.attempt;
  return outcome.kind === "done" || outcome.kind === "retry";
}

function count(meters: ActorMeters, outcome: Outcome, attempted: boolean): void {
  switch (outcome.kind) {
    case "done":
      return meters.processed();
    case "cancelled":
      return meters.cancelled();
    case "retry":
      meters.failed();
      return meters.retried();
    case "dead":
      if (attempted) meters.failed();
      return meters.dead(outcome.reason);
    case "postpone":
    case "release":
    case "taken":
      return;
  }
}

function secondsSince(started: number): number {
  return (systemClock.elapsed() - started) / 1000;
}
