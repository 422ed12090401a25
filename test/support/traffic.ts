/** Steady traffic through a broker, with a book of what was accepted and of what was run: the verdict over a fault. */
import { BrokerRefusedError, BrokerUnavailableError } from "callboard";
import { createActorClient } from "callboard/client";
import { createWorker, type Worker } from "callboard/worker";
import { expect } from "vitest";
import { z } from "zod";
import type { Broker } from "../../runtime/seams/broker.js";
import { TestLogger, testActor } from "./actors.js";
import { eventually } from "./eventually.js";

/** Enough that each primary of a cluster serves some. */
const QUEUES = ["a", "b", "c", "d", "e", "f"];
/** How many messages have to pass through a queue before it counts as flowing. */
const FLOWING = 20;
/** How long servers may take to be well again, in milliseconds. */
const LIMIT = 60_000;

const actors = QUEUES.map((queue) =>
  testActor<{ input: number; output: number }>(queue, { input: z.number(), output: z.number(), queue }),
);
const named = <T>(values: readonly T[]) => Object.fromEntries(values.map((value, i) => [QUEUES[i] ?? "", value]));

/** Sends to each of some queues, one message after the other, and handles them. */
export class Traffic {
  readonly accepted = new Set<number>();
  readonly ran = new Set<number>();
  /** Why sends were refused. */
  readonly errors: unknown[] = [];
  readonly logger = new TestLogger();
  readonly workers: readonly Worker[];
  readonly #clients;
  readonly #over = new AbortController();
  #sending: Promise<unknown> | undefined;

  constructor(producer: Broker, ...consumers: readonly Broker[]) {
    this.#clients = actors.map((actor) => createActorClient<(typeof actors)[number]>(producer, actor));
    const handlers = actors.map(() => (n: number) => {
      this.ran.add(n);
      return 2 * n;
    });
    const options = { logger: this.logger, concurrency: 20, shutdownTimeout: 100 };
    this.workers = consumers.map((broker) =>
      createWorker(broker, { test: named(actors) }, { test: named(handlers) }, options),
    );
  }

  /** Whether every worker is really fetching from every queue. */
  get healthy(): boolean {
    return this.workers.every((worker) => worker.healthy);
  }

  /** Begins, and resolves when messages flow through every queue. */
  async start(): Promise<void> {
    // One after the other: the first one declares what there is to declare.
    for (const worker of this.workers) {
      await worker.start();
      await eventually("the worker to be well", () => worker.healthy, LIMIT);
    }
    // One lane for each queue: the others go on while one of them waits.
    this.#sending = Promise.all(this.#clients.map((_, lane) => this.#send(lane)));
    await this.flows();
  }

  /** Waits until messages of every queue have been accepted and run from now on. */
  async flows(): Promise<void> {
    for (const [lane, queue] of QUEUES.entries()) {
      const count = () => [...this.ran].filter((n) => this.accepted.has(n) && n % QUEUES.length === lane).length;
      const before = count();
      await eventually(`messages of queue ${queue}`, () => count() > before + FLOWING, LIMIT);
    }
  }

  /** Waits until some send was refused with these words, as an error of the broker's that passes. */
  async refused(words: RegExp): Promise<void> {
    await eventually(`a refusal with ${words.source}`, () => this.errors.some((error) => words.test(String(error))));
  }

  /** A call on every queue, with its answer. */
  async call(): Promise<void> {
    const answers = await Promise.all(this.#clients.map((client, i) => client.call(0.5 + i, { timeout: "20s" })));
    expect(answers).toEqual(QUEUES.map((_, i) => 1 + 2 * i));
  }

  /** Ends the sending. Every message that was accepted is run, and what was refused may be tried again. */
  async end(): Promise<void> {
    await this.#stopSending();
    const missing = () => [...this.accepted].filter((n) => !this.ran.has(n));
    await eventually("every accepted message to be run", () => missing().length === 0, LIMIT);
    const passes = (error: unknown) =>
      error instanceof BrokerUnavailableError || (error instanceof BrokerRefusedError && error.passing);
    expect(this.errors.filter((error) => !passes(error))).toEqual([]);
  }

  /** Ends it as it is. */
  async close(): Promise<void> {
    await this.#stopSending();
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }

  async #stopSending(): Promise<void> {
    this.#over.abort();
    await this.#sending;
  }

  async #send(lane: number): Promise<void> {
    for (let n = lane; !this.#over.signal.aborted; n += QUEUES.length) {
      await this.#clients[lane]?.send(n).then(
        () => this.accepted.add(n),
        (error: unknown) => this.errors.push(error),
      );
      // A loop of sends that are refused at once would leave no turn to anybody else.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
