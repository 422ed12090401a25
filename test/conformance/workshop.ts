/** A backend of one test with the workers that the test starts, ended together. */
import type { Actor } from "callboard/client";
import { createWorker, type ProgressTask, type Worker, type WorkerOptions } from "callboard/worker";
import type { Broker } from "../../runtime/seams/broker.js";
import { TestLogger } from "../support/actors.js";
import { eventually } from "../support/eventually.js";
import type { Backend, BrokerHarness } from "./harness.js";

/** By the actors' names without their group. */
type Handlers = Readonly<Record<string, (input: never, task: ProgressTask<never>) => unknown>>;

export class Workshop {
  readonly logger = new TestLogger();
  readonly workers: Worker[] = [];
  /** The producer's. */
  readonly broker: Broker;

  private constructor(readonly backend: Backend) {
    this.broker = backend.connect();
  }

  static async open(harness: BrokerHarness): Promise<Workshop> {
    return new Workshop(await harness.open());
  }

  async close(): Promise<void> {
    const stopped = Promise.all(this.workers.splice(0).map((worker) => worker.stop()));
    if (this.backend.clock !== undefined) await this.backend.pass(60_000);
    await stopped;
    await this.backend.close();
  }

  /** Starts a worker of some actors, as another process would. */
  async work(
    actors: readonly Actor[],
    handlers: Handlers,
    options: WorkerOptions = {},
    on = this.backend.connect(),
  ): Promise<Worker> {
    const { backend, logger } = this;
    const group = Object.fromEntries(actors.map((actor) => [actor.name.replace("test.", ""), actor]));
    const parts = { random: () => 1, ...(backend.clock === undefined ? {} : { clock: backend.clock }) };
    const all = { logger, ...options };
    const worker = createWorker(on, { test: group }, { test: handlers }, all, parts);
    this.workers.push(worker);
    await worker.start();
    return worker;
  }

  /** Waits until so many messages have ended as cancelled. */
  async cancelled(count = 1): Promise<void> {
    await eventually(`${count} cancelled messages to be met`, () => this.met === count);
  }

  /** How many messages have ended as cancelled. */
  get met(): number {
    return this.logger.messages("info").filter((line) => line === "message was cancelled").length;
  }

  /** Waits for a condition, in moved time where time can be moved: so many milliseconds at a time. */
  async pastWaits(what: string, milliseconds: number, condition: () => boolean | Promise<boolean>): Promise<void> {
    await eventually(what, async () => {
      if (this.backend.clock !== undefined) await this.backend.pass(milliseconds);
      return condition();
    });
  }

  /** Gives processes time to have heard of each other, where they are apart. */
  async settle(milliseconds: number): Promise<void> {
    if (this.backend.clock === undefined) await this.backend.pass(milliseconds);
  }
}

/** The error that a promise rejects with. */
export function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => `no error but ${JSON.stringify(value)}`,
    (error: unknown) => error,
  );
}
