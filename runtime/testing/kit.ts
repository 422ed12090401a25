/** The testing kit: a broker in memory whose time is moved, whose work is waited for, and whose faults come on demand. */
import type { Actor, InputOf } from "../actor.js";
import type { Broker, DeadLetter } from "../seams/broker.js";
import { MemoryBackend } from "../brokers/memory/index.js";
import { actorOf, type SendOnlyClient } from "../client/client.js";
import type { Duration } from "../vocabulary/duration.js";
import { decodeEnvelope } from "../wire/envelope.js";
import { InvalidOptionError } from "../vocabulary/errors.js";
import { duration, refuseUnknownOptions } from "../support/given-options.js";
import type { Seal } from "../wire/seal.js";
import { checkSeal } from "../wire/wire-value.js";
import { TestBroker } from "./broker.js";
import { MovableClock } from "./clock.js";
import type { Failure, WatchedDelivery } from "./delivery.js";
import type { Faults } from "./faults.js";
import { readSent, type Sent } from "./sent.js";
import { turn } from "./turn.js";

/** How a testing kit behaves. */
export interface TestKitOptions {
  /** What time it is at first. Default: 2026-01-01T00:00:00Z, the same in every run. */
  readonly now?: Date | string | number;
  /** Whether `drain()` and `advance()` reject with what a handler threw. Default: true. */
  readonly failFast?: boolean;
  /** How long `drain()` waits for handlers, and anybody for a result, in real time. Default: `"4s"`. */
  readonly patience?: Duration;
  /** Opens sealed inputs for `sent()`. */
  readonly seal?: Seal;
}

/** An actor's client, whatever it answers. */
type Sending<Input> = Pick<SendOnlyClient<Input>, "send">;

/** What the kit starts and stops: a worker. */
interface Startable {
  start(): Promise<void>;
  stop(): Promise<void>;
}

const optionNames = ["now", "failFast", "patience", "seal"] as const satisfies (keyof TestKitOptions)[];

/** How long handlers may run in real time, in milliseconds, before `advance()` moves the clock while they do. */
const MOMENT = 250;
/** Less than the five seconds that vitest and jest give a test: what is told then is better than what they say. */
const PATIENCE = 4000;

/** Creates a broker for a test, and what moves it. */
export function createTestKit(options: TestKitOptions = {}): TestKit {
  return new TestKit(options);
}

/** A broker in memory and what a test does with it. Clients and workers use the broker as they use any other. */
export class TestKit {
  /** What clients and workers are created with. */
  readonly broker: Broker;
  /** What goes wrong on demand. */
  readonly faults: Faults;
  readonly #broker: TestBroker;
  readonly #backend: MemoryBackend;
  readonly #clock: MovableClock;
  readonly #failFast: boolean;
  readonly #patience: number;
  readonly #seal: Seal | undefined;
  readonly #workers: Startable[] = [];
  /** Messages that were still running when the clock had to go on. */
  readonly #overtaken = new WeakSet<WatchedDelivery>();

  constructor(options: TestKitOptions) {
    refuseUnknownOptions("createTestKit", options, optionNames);
    this.#clock = new MovableClock(timeOf(options.now));
    this.#failFast = options.failFast ?? true;
    this.#patience = duration('"patience"', options.patience) ?? PATIENCE;
    this.#seal = checkSeal(options.seal);
    this.#backend = new MemoryBackend(this.#clock);
    this.#broker = new TestBroker(this.#backend, this.#patience);
    this.broker = this.#broker;
    this.faults = this.#broker.faults;
  }

  /** What time it is by the kit's clock. */
  get now(): Date {
    return new Date(this.#clock.now());
  }

  /** What failed, in order: each attempt that is tried again, and each message that is dead. */
  get failures(): readonly Failure[] {
    return [...this.#broker.failures];
  }

  /** The dead letters of all queues, the oldest first. */
  get deadLetters(): readonly DeadLetter[] {
    const letters = [...this.#backend.queues].flatMap(({ dead }) => dead);
    return letters.toSorted((one, other) => one.diedAt - other.diedAt);
  }

  /** What was sent to an actor, in order. It is named by its client or by its constant in the generated code. */
  sent<A extends Actor>(actor: A): readonly Sent<InputOf<A>>[];
  sent<Input>(client: Sending<Input>): readonly Sent<Input>[];
  sent(named: Actor | Sending<never>): readonly Sent<unknown>[] {
    const actor = "send" in named ? actorOf(named) : named;
    if (actor === undefined) throw new InvalidOptionError("sent() takes an actor's client, or the actor itself.");
    return readSent(this.#broker.sent, actor.name, this.#seal);
  }

  /** Starts a worker; `close()` stops it. */
  async start<W extends Startable>(worker: W): Promise<W> {
    this.#workers.push(worker);
    await worker.start();
    return worker;
  }

  /**
   * Resolves when nothing is left that can run without moving the clock: no handler runs, and no message waits where a
   * worker takes. Rejects with what a handler threw, the same object, if an attempt failed, and with an error that names
   * what still runs when its patience is over. Each failure is told once: here, by `advance()`, or to whoever waits for
   * the result.
   */
  async drain(): Promise<void> {
    const still = await this.#broker.stillness.reached(() => this.#broker.busy, this.#patience);
    this.#tell();
    if (!still) throw this.#unfinished();
  }

  /**
   * Moves the clock: delays, waits before retries, leases, time limits and whatever else is due on the way comes in its
   * order, and what it sets in motion ends before the clock goes on. Rejects as `drain()` does.
   */
  async advance(by: Duration): Promise<void> {
    const distance = duration("The time to advance", by) ?? 0;
    await this.#clock.pass(distance, () => this.#calm());
    this.#tell();
  }

  /** Stops the workers that it started and closes the broker. What does not end is aborted, as at any shutdown. */
  async close(): Promise<void> {
    let stopped = false;
    const stopping = Promise.all(this.#workers.map((worker) => worker.stop())).finally(() => (stopped = true));
    await this.#calm();
    // Whatever the shutdown waits for, it waits by a clock that stands still.
    while (!stopped && this.#clock.step()) await turn();
    await stopping;
    await this.#broker.close();
  }

  /** Lets everything run that can. A handler that waits for the clock itself is waited for once, and not for long. */
  async #calm(): Promise<void> {
    const busy = () => this.#broker.waiting > 0 || [...this.#broker.held].some((each) => !this.#overtaken.has(each));
    if (await this.#broker.stillness.reached(busy, MOMENT)) return;
    for (const delivery of this.#broker.held) this.#overtaken.add(delivery);
  }

  #tell(): void {
    const first = this.#broker.takeUntold();
    if (first !== undefined && this.#failFast) throw first.error;
  }

  #unfinished(): Error {
    const running = [...this.#broker.held].map(({ body, queue }) => describe(body, queue));
    const what = running.length > 0 ? running.join(", ") : "messages that no worker takes";
    return new Error(
      `After ${this.#patience} ms there is still something to do: ${what}. ` +
        "A handler that waits for the clock ends when it is moved: advance() does that.",
    );
  }
}

function describe(body: string, queue: string): string {
  try {
    const { actor, id } = decodeEnvelope(body);
    return `${actor} (message ${id}) is running`;
  } catch {
    return `a message of "${queue}" is running`;
  }
}

function timeOf(now: TestKitOptions["now"]): number | undefined {
  if (now === undefined) return undefined;
  const time = new Date(now).getTime();
  if (Number.isNaN(time)) throw new InvalidOptionError(`"now" must be a time; it is ${JSON.stringify(now)}.`);
  return time;
}
