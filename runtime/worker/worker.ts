/** The life of a worker: what it is made of, how it starts, and how it stops gracefully. */
import type { MaybePlaced } from "../middleware.js";
import type { Broker, Consumer } from "../seams/broker.js";
import { settlesWithin, systemClock, type Clock } from "../support/clock.js";
import { outside } from "../support/outside.js";
import { InvalidOptionError, ShutdownError } from "../vocabulary/errors.js";
import type { Seal } from "../wire/seal.js";
import { checkSeal } from "../wire/wire-value.js";
import { Dispatch } from "./dispatch.js";
import { Gates } from "./gate.js";
import { Hands } from "./hands.js";
import type { Handlers } from "./handler.js";
import { listenersOf, tellStopped } from "./listener.js";
import { defaultLogger, type Logger } from "./logger.js";
import type { Middleware } from "./middleware/compose.js";
import { checkWorkerOptions, type StartOptions, type WorkerOptions } from "./options.js";
import { Presence, type Doing } from "./presence.js";
import { Roster, type Actors } from "./roster.js";
import { Scheduler } from "./scheduler.js";
import { Settlements } from "./settlements.js";
import { WorkerSlots } from "./slots.js";
import { Threads, type ThreadHandler } from "./threads/index.js";

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
/** Node's longest timer: one that never ends keeps the process alive while the worker runs. */
const FOREVER = 2 ** 31 - 1;

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
  readonly #roster: Roster;
  readonly #unknownActorGrace: number;
  readonly #logger: Logger;
  readonly #seal: Seal | undefined;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #threads: Threads | undefined;
  readonly #gates: Gates;
  readonly #settlements: Settlements;
  /** Absent where the broker has no state store. */
  readonly #presence: Presence | undefined;
  #middleware: readonly MaybePlaced<Middleware>[];
  #queues: readonly string[];
  #concurrency: number;
  #shutdownTimeout: number;

  #state: WorkerState = "idle";
  /** Its threads are being made ready. */
  #starting = false;
  /** Empty until it starts. */
  #hands: Hands | undefined;
  #schedulers: readonly Scheduler[] = [];
  #consumers: Consumer[] = [];
  #keepAlive: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;

  constructor(broker: Broker, actors: Actors, handlers: Handlers, options: WorkerOptions, parts: WorkerParts) {
    this.#broker = broker;
    this.#logger = options.logger ?? defaultLogger();
    this.#threads = options.isolate === undefined ? undefined : new Threads(options.isolate, this.#logger);
    this.#roster = new Roster(actors, handlers, this.#threads);
    const checked = checkWorkerOptions(options, this.#roster.queues);
    this.#queues = checked.queues;
    this.#concurrency = checked.concurrency;
    this.#shutdownTimeout = checked.shutdownTimeout;
    this.#unknownActorGrace = checked.unknownActorGrace;
    this.#seal = checkSeal(options.seal);
    this.#middleware = options.middleware ?? [];
    this.#clock = parts.clock ?? broker.clock ?? systemClock;
    this.#random = parts.random ?? Math.random;
    this.#settlements = new Settlements(this.#clock, this.#logger);
    const { state } = broker;
    this.#presence = state === undefined ? undefined : new Presence(state, this.#logger, () => this.#doing());
    this.#gates = new Gates({
      broker,
      clock: this.#clock,
      random: this.#random,
      logger: this.#logger,
      seal: this.#seal,
    });
    // What is wrong with handlers, middleware or the actors' needs is found here, and not when it starts.
    this.#createDispatch();
    this.#createSchedulers();
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
    return this.#hands?.running ?? 0;
  }

  start(overrides: StartOptions = {}): Promise<void> {
    return outside(() => this.#start(overrides));
  }

  async #start(overrides: StartOptions): Promise<void> {
    this.#assertIdle();
    const { queues, concurrency, shutdownTimeout } = checkWorkerOptions(
      {
        queues: overrides.queues ?? this.#queues,
        concurrency: overrides.concurrency ?? this.#concurrency,
        shutdownTimeout: overrides.shutdownTimeout ?? this.#shutdownTimeout,
      },
      this.#roster.queues,
    );
    const added = overrides.middleware?.(this.#broker) ?? [];
    this.#middleware = [...added.filter((each) => !this.#middleware.includes(each)), ...this.#middleware];
    const isolated = this.#roster.isolated(queues);
    if (isolated.length > 0) await this.#openThreads(isolated, concurrency);
    this.#queues = queues;
    this.#concurrency = concurrency;
    this.#shutdownTimeout = shutdownTimeout;
    this.#schedulers = this.#createSchedulers();
    this.#consumers = this.#consume();
    const serving = this.#roster.actors.filter(({ options }) => queues.includes(options.queue));
    for (const each of listenersOf(this.#middleware)) each.serving?.(serving);
    this.#state = "running";
    this.#keepAlive = setInterval(() => undefined, FOREVER);
    this.#presence?.start();
    this.#gates.start();
    const strangers = this.#roster.strangers();
    if (strangers.length > 0) this.#logger.warn({ handlers: strangers }, "handlers that no actor has");
    for (const scheduler of this.#schedulers) scheduler.start();
    this.#pull();
    this.#logger.info({ broker: this.#broker.name, queues, concurrency }, "worker started");
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const hands = this.#hands;
    if (hands === undefined) {
      this.#state = "stopped";
      return;
    }
    this.#state = "stopping";
    const reason = new ShutdownError("the worker is shutting down");
    hands.shut(reason);
    this.#threads?.refuse(reason);
    const resigned = Promise.all(this.#schedulers.map((scheduler) => scheduler.stop()));
    await Promise.all(this.#consumers.map((consumer) => consumer.stop()));
    hands.giveBackWaiting();
    await settlesWithin(this.#clock, this.#shutdownTimeout, hands.drained());
    if (hands.running > 0) await this.#abandon(hands);
    await this.#settlements.all(SETTLE_TIME);
    await Promise.all([...this.#consumers.map((consumer) => consumer.close()), this.#presence?.stop()]);
    // A store of limits that is away is not waited for: what it does not hear now it finds by itself.
    const left = this.#gates.settled().then(() => this.#gates.stop());
    await Promise.all([settlesWithin(this.#clock, SETTLE_TIME, left), this.#threads?.close()]);
    await settlesWithin(this.#clock, SETTLE_TIME, resigned);
    await tellStopped(listenersOf(this.#middleware), this.#logger);
    clearInterval(this.#keepAlive);
    this.#state = "stopped";
    this.#logger.info({ broker: this.#broker.name }, "worker stopped");
  }

  /** Aborts what still runs, gives it a moment to unwind, and returns the messages of what does not. */
  async #abandon(hands: Hands): Promise<void> {
    const message = "shutdown timeout: running handlers are aborted, their messages given back";
    this.#logger.warn({ running: hands.running }, message);
    hands.abort(new ShutdownError(`the worker shut down and waited ${this.#shutdownTimeout} ms`));
    this.#threads?.end();
    await settlesWithin(this.#clock, UNWIND_TIME, hands.drained());
    hands.giveBackRunning();
  }

  /** Opens the queues, for hands that are empty yet. */
  #consume(): Consumer[] {
    const partitions = this.#roster.partitionsOf(this.#queues);
    const slots = new WorkerSlots(this.#concurrency, partitions.length, () => this.#pull());
    const [dispatch, settlements, presence] = [this.#createDispatch(), this.#settlements, this.#presence];
    const hands = new Hands({ slots, dispatch, settlements, presence });
    this.#hands = hands;
    return partitions.map((queue) =>
      this.#broker.consume(queue, {
        slots,
        deliver: (delivery) => hands.take(delivery),
        lost: (deliveries, reason) => hands.lose(deliveries, reason),
        notice: (level, message, error) => this.#logger[level]({ queue, err: error }, message),
      }),
    );
  }

  #pull(): void {
    if (this.#state !== "running") return;
    // Another queue goes first each time.
    const first = this.#consumers.shift();
    if (first !== undefined) this.#consumers.push(first);
    for (const consumer of this.#consumers) consumer.pull();
  }

  #createDispatch(): Dispatch {
    return new Dispatch({
      serving: this.#roster.serving(this.#queues),
      broker: this.#broker,
      clock: this.#clock,
      random: this.#random,
      logger: this.#logger,
      seal: this.#seal,
      threads: this.#threads,
      middleware: this.#middleware,
      actors: this.#roster.actors,
      unknownActorGrace: this.#unknownActorGrace,
      presence: this.#presence,
      gates: this.#gates,
    });
  }

  /** One for each queue that may have schedules. */
  #createSchedulers(): readonly Scheduler[] {
    const serving = this.#roster.serving(this.#queues).map(({ actor }) => actor);
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

  /** What it does at this moment. */
  #doing(): Doing {
    const running = this.#hands?.countByQueue() ?? new Map<string, number>();
    return {
      concurrency: this.#concurrency,
      queues: this.#roster.partitionsOf(this.#queues),
      actors: this.#roster.namesOf(this.#queues),
      running,
    };
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
}
