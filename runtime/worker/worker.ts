/** Takes messages from queues, holds to its concurrency, hands each to dispatch, and stops gracefully. */
import type { Actor } from "../actor.js";
import type { Broker, Consumer, Delivery } from "../seams/broker.js";
import { settlesWithin, systemClock, type Clock } from "../support/clock.js";
import { defaults } from "../vocabulary/defaults.js";
import type { Duration } from "../vocabulary/duration.js";
import { InvalidOptionError, MissingHandlerError, ShutdownError } from "../vocabulary/errors.js";
import { duration, refuseUnknownOptions } from "../support/given-options.js";
import type { MaybePlaced } from "../middleware.js";
import { nearest } from "../vocabulary/nearest.js";
import { findDisagreements, partitionsOf } from "../vocabulary/partitions.js";
import type { Seal } from "../wire/seal.js";
import { checkSeal } from "../wire/wire-value.js";
import { Dispatch, settle, type Attempt, type Serving } from "./dispatch.js";
import { Gates } from "./gate.js";
import type { AnyHandler, Handlers } from "./handler.js";
import { defaultLogger, type Logger } from "./logger.js";
import type { Middleware } from "./middleware/compose.js";
import type { Holder } from "./patience.js";
import { Presence, type Doing } from "./presence.js";
import { Scheduler } from "./scheduler.js";
import { Settlements } from "./settlements.js";
import { WorkerSlots } from "./slots.js";
import type { RunningTask } from "./task.js";
import { Threads, type IsolateOptions, type ThreadHandler } from "./threads/index.js";

/** How a worker behaves. */
export interface WorkerOptions<Queue extends string = string> {
  /** How many messages it handles at once. Default: 100. */
  readonly concurrency?: number;
  /** Take only these queues. Default: every queue that a contract names. */
  readonly queues?: readonly Queue[];
  /** How long `stop()` waits for running handlers before it gives their messages back. Default: `"30s"`. */
  readonly shutdownTimeout?: Duration;
  /** Opens sealed inputs, and seals the answers to them: `createSeal({ current, keys })`. Default: nothing is sealed. */
  readonly seal?: Seal;
  /**
   * How long a message for an actor that this worker does not know is put back, for one that does, before it is dead:
   * during a deploy, old and new workers share a queue. Default: `"5m"`.
   */
  readonly unknownActorGrace?: Duration;
  /**
   * Your own middleware, around each attempt; the first is the outermost of them. They stand next to the handler, or
   * where `use(middleware, { before: "retries" })` puts them. Built in are `flows`, `results`, `unique`, `control`,
   * `input`, `maxAge`, `exhausted`, `retries`, `isolate`, `timeLimit`.
   */
  readonly middleware?: readonly MaybePlaced<Middleware>[];
  /**
   * Where the handlers are of actors that are declared `isolate: true`, which run in threads: a module that exports the
   * groups as `handlers` has them, `new URL("./handlers/index.js", import.meta.url)`. Needs the package piscina.
   */
  readonly isolate?: URL | IsolateOptions;
  /** Where it logs. Default: pino, one JSON object per line on standard output. */
  readonly logger?: Logger;
}

/** What can be changed at the start. */
export interface StartOptions extends Pick<WorkerOptions, "concurrency" | "queues" | "shutdownTimeout"> {
  /** Middleware of whoever runs the worker, made for its broker: beside its own, where it is not among them already. */
  readonly middleware?: (broker: Broker) => readonly MaybePlaced<Middleware>[];
}

/** What a worker is doing. */
export type WorkerState = "idle" | "running" | "stopping" | "stopped";

/** A worker of some actors. */
export interface Worker {
  readonly state: WorkerState;
  /** The queues that it takes messages from; where they have partitions, from all of them. */
  readonly queues: readonly string[];
  readonly concurrency: number;
  /** How long `stop()` waits for running handlers, in milliseconds. */
  readonly shutdownTimeout: number;
  /** For people: the broker's kind and where it is. */
  readonly broker: string;
  /** Whether it is really fetching from every queue. */
  readonly healthy: boolean;
  /** How many handlers are running. */
  readonly running: number;
  /** Begins to take messages; a broker that is down is waited for. */
  start(overrides?: StartOptions): Promise<void>;
  /**
   * Takes no more messages, waits for the running handlers at most `shutdownTimeout`, then aborts them and gives their
   * messages back untouched. The broker stays open: it may be shared.
   */
  stop(): Promise<void>;
}

/** Marks workers, so that the command line finds the one that a file exports. */
const workerMark = Symbol.for("callboard.worker");

/** How long aborted handlers may take to unwind before their messages are given back, in milliseconds. */
const UNWIND_TIME = 500;
/** How long a broker may take to confirm the last outcomes before the worker stops without, in milliseconds. */
const SETTLE_TIME = 5000;
/** How long a message that was taken ahead may wait for a handler to end, in milliseconds. */
const LONGEST_WAIT_AHEAD = 100;
/** Node's longest timer: one that never ends keeps the process alive while the worker runs. */
const FOREVER = 2 ** 31 - 1;

/** Actors as generated code knows them: by group, then by export. */
export type Actors = Readonly<Record<string, Readonly<Record<string, Actor>>>>;

/** The handlers that some queues need: each queue's, together. Those of other queues may be there as well. */
export type HandlersOf<QueueHandlers, Q extends keyof QueueHandlers> = Flatten<Intersection<QueueHandlers[Q]>> &
  Optional<Flatten<Intersection<QueueHandlers[keyof QueueHandlers]>>>;
type Optional<T> = { [Group in keyof T]?: Partial<T[Group]> };
type Intersection<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer I) => void ? I : never;
type Flatten<T> = { [Group in keyof T]: { [Name in keyof T[Group]]: T[Group][Name] } };

/** Parts that tests replace. */
export interface WorkerParts {
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** Creates a worker. Generated code calls it with all actors, and checks the handlers' types. */
export function createWorker(
  broker: Broker,
  actors: Actors,
  handlers: object,
  options: WorkerOptions = {},
  parts: WorkerParts = {},
): Worker {
  return new ActorWorker(broker, actors, handlers as Handlers, options, parts);
}

class ActorWorker implements Worker {
  readonly [workerMark] = true;
  readonly #broker: Broker;
  readonly #actors: readonly { readonly group: string; readonly name: string; readonly actor: Actor }[];
  readonly #handlers: Handlers;
  readonly #unknownActorGrace: number;
  readonly #logger: Logger;
  readonly #seal: Seal | undefined;
  #middleware: readonly MaybePlaced<Middleware>[];
  readonly #clock: Clock;
  readonly #random: () => number;
  /** Absent where the broker has no state store. */
  readonly #presence: Presence | undefined;
  readonly #threads: Threads | undefined;
  readonly #gates: Gates;

  #state: WorkerState = "idle";
  /** Its threads are being made ready. */
  #starting = false;
  #queues: readonly string[];
  #concurrency: number;
  #shutdownTimeout: number;
  #slots!: WorkerSlots;
  #dispatch: Dispatch;
  #schedulers: readonly Scheduler[];
  #consumers: Consumer[] = [];
  #stopped: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;
  #settlements!: Settlements;
  #keepAlive: NodeJS.Timeout | undefined;

  /** Messages taken ahead, which wait for a handler to end. */
  readonly #waiting: Waiting[] = [];
  #impatience: NodeJS.Timeout | undefined;
  /** What is being handled, with its task once it has one. */
  readonly #running = new Map<Delivery, Work>();

  constructor(broker: Broker, actors: Actors, handlers: Handlers, options: WorkerOptions, parts: WorkerParts) {
    this.#broker = broker;
    this.#actors = Object.entries(actors).flatMap(([group, members]) =>
      Object.entries(members).map(([name, actor]) => ({ group, name, actor })),
    );
    this.#handlers = handlers;
    const [disagreement] = findDisagreements(this.#actors.map(({ actor }) => actor));
    if (disagreement !== undefined) throw new InvalidOptionError(disagreement.message);
    const checked = checkWorkerOptions(options, this.#knownQueues());
    this.#queues = checked.queues;
    this.#concurrency = checked.concurrency;
    this.#shutdownTimeout = checked.shutdownTimeout;
    this.#unknownActorGrace = checked.unknownActorGrace;
    this.#logger = options.logger ?? defaultLogger();
    this.#seal = checkSeal(options.seal);
    this.#middleware = options.middleware ?? [];
    this.#clock = parts.clock ?? broker.clock ?? systemClock;
    this.#random = parts.random ?? Math.random;
    const { state } = broker;
    this.#presence = state === undefined ? undefined : new Presence(state, this.#logger, () => this.#doing());
    this.#threads = options.isolate === undefined ? undefined : new Threads(options.isolate, this.#logger);
    this.#gates = new Gates({ broker, clock: this.#clock, random: this.#random, logger: this.#logger });
    this.#dispatch = this.#createDispatch();
    this.#schedulers = this.#createSchedulers();
  }

  get state(): WorkerState {
    return this.#state;
  }

  get queues(): readonly string[] {
    return this.#queues;
  }

  get concurrency(): number {
    return this.#concurrency;
  }

  get shutdownTimeout(): number {
    return this.#shutdownTimeout;
  }

  get broker(): string {
    return this.#broker.name;
  }

  get healthy(): boolean {
    return this.#state === "running" && this.#consumers.every((consumer) => consumer.healthy);
  }

  get running(): number {
    return this.#running.size;
  }

  async start(overrides: StartOptions = {}): Promise<void> {
    this.#assertIdle();
    const { queues, concurrency, shutdownTimeout } = checkWorkerOptions(
      {
        queues: overrides.queues ?? this.#queues,
        concurrency: overrides.concurrency ?? this.#concurrency,
        shutdownTimeout: overrides.shutdownTimeout ?? this.#shutdownTimeout,
      },
      this.#knownQueues(),
    );
    const added = overrides.middleware?.(this.#broker) ?? [];
    this.#middleware = [...added.filter((each) => !this.#middleware.includes(each)), ...this.#middleware];
    const isolated = this.#isolatedOf(queues);
    if (isolated.length > 0) await this.#openThreads(isolated, concurrency);
    this.#queues = queues;
    this.#concurrency = concurrency;
    this.#shutdownTimeout = shutdownTimeout;
    const partitions = queues.flatMap((queue) => this.#partitionsOf(queue));
    this.#slots = new WorkerSlots(concurrency, partitions.length, () => this.#pull());
    this.#settlements = new Settlements(this.#clock, this.#logger);
    // Now for the queues that it takes in the end.
    this.#dispatch = this.#createDispatch();
    this.#schedulers = this.#createSchedulers();
    const consumers = partitions.map((queue) =>
      this.#broker.consume(queue, {
        slots: this.#slots,
        deliver: (delivery) => this.#deliver(delivery),
        lost: (deliveries, reason) => this.#lose(deliveries, reason),
        notice: (level, message, error) => this.#logger[level]({ queue, err: error }, message),
      }),
    );
    this.#state = "running";
    this.#keepAlive = setInterval(() => undefined, FOREVER);
    this.#consumers = consumers;
    this.#presence?.start();
    this.#gates.start();
    this.#warnOfStrangers();
    for (const scheduler of this.#schedulers) scheduler.start();
    this.#pull();
    this.#logger.info({ broker: this.#broker.name, queues, concurrency }, "worker started");
  }

  /** One for each queue that may have schedules. */
  #createSchedulers(): readonly Scheduler[] {
    const serving = this.#serving().map(({ actor }) => actor);
    return this.#queues.flatMap((queue) => {
      const actors = serving.filter(({ options }) => options.queue === queue);
      const scheduler = Scheduler.create(queue, actors, {
        broker: this.#broker,
        clock: this.#clock,
        random: this.#random,
        logger: this.#logger,
        seal: this.#seal,
      });
      return scheduler ?? [];
    });
  }

  /** What is wrong with handlers, middleware or the actors' needs is found when it is made. */
  #createDispatch(): Dispatch {
    return new Dispatch({
      serving: this.#serving(),
      broker: this.#broker,
      clock: this.#clock,
      random: this.#random,
      logger: this.#logger,
      seal: this.#seal,
      threads: this.#threads,
      middleware: this.#middleware,
      actors: this.#actors.map(({ actor }) => actor),
      unknownActorGrace: this.#unknownActorGrace,
      presence: this.#presence,
      gates: this.#gates,
    });
  }

  /** What it does at this moment. */
  #doing(): Doing {
    const running = new Map<string, number>();
    for (const { queue } of this.#running.keys()) running.set(queue, (running.get(queue) ?? 0) + 1);
    const queues = this.#queues.flatMap((queue) => this.#partitionsOf(queue));
    return { concurrency: this.#concurrency, queues, running };
  }

  async #openThreads(isolated: readonly ThreadHandler[], concurrency: number): Promise<void> {
    this.#starting = true;
    try {
      await this.#threads?.open(concurrency, isolated);
    } finally {
      this.#starting = false;
    }
    if (this.#state === "idle") return;
    // It was stopped meanwhile.
    await this.#threads?.close();
    this.#assertIdle();
  }

  #assertIdle(): void {
    const state = this.#starting ? "starting" : this.#state;
    if (state !== "idle") throw new InvalidOptionError(`The worker is ${state}: it can be started once.`);
  }

  /** The actors of some queues that run in threads. */
  #isolatedOf(queues: readonly string[]): readonly ThreadHandler[] {
    return this.#actors.flatMap(({ group, name, actor: { options } }) =>
      options.isolate && queues.includes(options.queue) ? [{ group, name }] : [],
    );
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    if (this.#state === "idle") {
      this.#state = "stopped";
      return;
    }
    this.#state = "stopping";
    this.#notify();
    const resigned = Promise.all(this.#schedulers.map((scheduler) => scheduler.stop()));
    await Promise.all(this.#consumers.map((consumer) => consumer.stop()));
    clearTimeout(this.#impatience);
    for (const { delivery } of this.#waiting.splice(0)) this.#giveBack(delivery);
    await settlesWithin(this.#clock, this.#shutdownTimeout, this.#drained());
    if (this.#running.size > 0) await this.#abandon();
    await this.#settlements.all(SETTLE_TIME);
    await Promise.all([...this.#consumers.map((consumer) => consumer.close()), this.#presence?.stop()]);
    await Promise.all([this.#gates.stop(), this.#threads?.close()]);
    await settlesWithin(this.#clock, SETTLE_TIME, resigned);
    clearInterval(this.#keepAlive);
    this.#state = "stopped";
    this.#logger.info({ broker: this.#broker.name }, "worker stopped");
  }

  /** Tells those who asked to hear of it at once, and those that have no thread yet. */
  #notify(): void {
    const reason = new ShutdownError("the worker is shutting down");
    for (const { task } of this.#running.values()) if (task?.options.notifyShutdown === true) task.abort(reason);
    this.#threads?.refuse(reason);
  }

  /** Aborts what still runs, gives it a moment to unwind, and returns the messages of what does not. */
  async #abandon(): Promise<void> {
    const count = this.#running.size;
    this.#logger.warn({ running: count }, "shutdown timeout: running handlers are aborted, their messages given back");
    const reason = new ShutdownError(`the worker shut down and waited ${this.#shutdownTimeout} ms`);
    for (const { task } of this.#running.values()) task?.abort(reason);
    this.#threads?.end();
    await settlesWithin(this.#clock, UNWIND_TIME, this.#drained());
    for (const [delivery, work] of this.#running) {
      work.abandoned = true;
      this.#giveBack(delivery);
    }
  }

  /** Resolves when no handler runs. */
  #drained(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onDrained = resolve));
  }

  #pull(): void {
    if (this.#state !== "running") return;
    // Another queue goes first each time.
    const first = this.#consumers.shift();
    if (first !== undefined) this.#consumers.push(first);
    for (const consumer of this.#consumers) consumer.pull();
  }

  #deliver(delivery: Delivery): void {
    if (this.#state !== "running") this.#giveBack(delivery);
    else if (this.#running.size < this.#concurrency) this.#run(delivery);
    else this.#wait(delivery);
  }

  #run(delivery: Delivery): void {
    const work = new Work();
    const started = performance.now();
    const attempt = this.#dispatch.attempt(delivery, work);
    // A handler that does not wait is through already: it costs no promise.
    if (!(attempt instanceof Promise)) return this.#end(delivery, work, attempt, started);
    this.#running.set(delivery, work);
    void attempt.then((late) => {
      this.#running.delete(delivery);
      this.#end(delivery, work, late, started);
      this.#runWaiting();
    });
  }

  #end(delivery: Delivery, work: Work, attempt: Attempt, started: number): void {
    this.#slots.took(performance.now() - started);
    // The slot is offered to all queues before this one's settlement fetches again.
    this.#slots.free(1);
    if (work.abandoned) return;
    const { kind } = attempt.outcome;
    if (kind !== "postpone" && kind !== "release" && kind !== "taken") this.#presence?.count(delivery.queue);
    // Most end so, and keep neither task nor input in memory until the broker has answered.
    if (kind === "done") this.#settlements.add(delivery, ack);
    else this.#settlements.add(delivery, () => settle(delivery, attempt), work);
  }

  #runWaiting(): void {
    while (this.#running.size < this.#concurrency) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#deliver(next.delivery);
    }
    if (this.#running.size === 0) this.#onDrained?.();
  }

  #giveBack(delivery: Delivery): void {
    this.#settlements.add(delivery, release);
  }

  /** Keeps a message for the next handler that ends. */
  #wait(delivery: Delivery): void {
    this.#waiting.push({ delivery, since: performance.now() });
    this.#impatience ??= setTimeout(() => this.#returnWaiting(), LONGEST_WAIT_AHEAD);
  }

  /** Gives messages back that were taken ahead of handlers which turned out to be slow: other workers may be idle. */
  #returnWaiting(): void {
    this.#impatience = undefined;
    const first = this.#waiting[0];
    if (first === undefined) return;
    const left = first.since + LONGEST_WAIT_AHEAD - performance.now();
    if (left > 1) {
      this.#impatience = setTimeout(() => this.#returnWaiting(), left);
      return;
    }
    this.#slots.slowed();
    const returned = this.#waiting.splice(0);
    for (const { delivery } of returned) this.#giveBack(delivery);
    this.#slots.free(returned.length);
  }

  /** Deliveries that are in other hands: those that run are told, those that wait are forgotten. */
  #lose(deliveries: readonly Delivery[], reason: Error): void {
    for (const delivery of deliveries) {
      const work = this.#running.get(delivery);
      if (work !== undefined) {
        work.task?.abort(reason);
        continue;
      }
      const index = this.#waiting.findIndex((waiting) => waiting.delivery === delivery);
      if (index === -1) continue;
      this.#waiting.splice(index, 1);
      this.#slots.free(1);
    }
  }

  /** Handlers that no actor has: a misspelt name, or an actor that was renamed. */
  #warnOfStrangers(): void {
    const known = new Set(this.#actors.map(({ group, name }) => `${group}.${name}`));
    const strangers = Object.entries(this.#handlers).flatMap(([group, members]) =>
      Object.keys(members ?? {}).flatMap((name) => (known.has(`${group}.${name}`) ? [] : [`${group}.${name}`])),
    );
    if (strangers.length > 0) this.#logger.warn({ handlers: strangers }, "handlers that no actor has");
  }

  /** What a queue is made of. All of its actors say the same. */
  #partitionsOf(queue: string): readonly string[] {
    const user = this.#actors.find(({ actor }) => actor.options.queue === queue);
    return user === undefined ? [queue] : partitionsOf(queue, user.actor.options.partitions);
  }

  #knownQueues(): readonly string[] {
    return [...new Set(this.#actors.map(({ actor }) => actor.options.queue))].sort();
  }

  /** The actors of this worker's queues with their handlers. Throws when one is missing. */
  #serving(): readonly Serving[] {
    const serving: Serving[] = [];
    const missing: string[] = [];
    for (const { group, name, actor } of this.#actors) {
      const handler = actor.options.isolate ? this.#isolated(group, name, actor) : this.#handlers[group]?.[name];
      if (typeof handler === "function") serving.push({ actor, handler });
      else if (this.#queues.includes(actor.options.queue)) missing.push(actor.name);
    }
    if (missing.length > 0) throw new MissingHandlerError(missing);
    return serving;
  }

  /** The handler of an actor that runs in a thread. Other queues' actors need none. */
  #isolated(group: string, name: string, { name: actor, options }: Actor): AnyHandler | undefined {
    if (!this.#queues.includes(options.queue)) return undefined;
    if (this.#threads !== undefined) return this.#threads.handler(group, name);
    const example = 'createWorker(broker, handlers, { isolate: new URL("./handlers/index.js", import.meta.url) })';
    throw new InvalidOptionError(`${actor} runs in a thread; say where that finds its handler: ${example}.`);
  }
}

/** A message that was taken ahead. */
interface Waiting {
  readonly delivery: Delivery;
  readonly since: number;
}

const ack = (delivery: Delivery) => delivery.ack();
const release = (delivery: Delivery) => delivery.release();

/** One message in the worker's hands. */
class Work implements Holder {
  task: RunningTask | undefined;
  /** Its message was given back; what its handler does no longer counts. */
  abandoned = false;

  get abortReason(): Error | undefined {
    return this.task?.abortReason;
  }
}

const workerOptionNames = [
  "concurrency",
  "queues",
  "shutdownTimeout",
  "unknownActorGrace",
  "logger",
  "seal",
  "middleware",
  "isolate",
] as const satisfies (keyof WorkerOptions)[];

function checkWorkerOptions(options: WorkerOptions, known: readonly string[]) {
  refuseUnknownOptions("the worker", options, workerOptionNames);
  const { concurrency = defaults.worker.concurrency, queues = known } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new InvalidOptionError(`"concurrency" must be a whole number, 1 or more; it is ${concurrency}.`);
  }
  if (queues.length === 0) throw new InvalidOptionError("The worker has no queue to take messages from.");
  for (const queue of queues) {
    if (known.includes(queue)) continue;
    const near = nearest(queue, known);
    const help = near === undefined ? `Known queues: ${known.join(", ")}.` : `Did you mean "${near}"?`;
    throw new InvalidOptionError(`No contract names the queue "${queue}". ${help}`);
  }
  const shutdownTimeout = duration('"shutdownTimeout"', options.shutdownTimeout) ?? defaults.worker.shutdownTimeout;
  const unknownActorGrace =
    duration('"unknownActorGrace"', options.unknownActorGrace) ?? defaults.worker.unknownActorGrace;
  return { concurrency, queues: [...new Set(queues)], shutdownTimeout, unknownActorGrace };
}
