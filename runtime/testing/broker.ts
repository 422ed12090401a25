/** The memory broker under a test's eyes: it keeps what was sent and what failed, and lets faults strike. */
import type { ConsumeOptions, Consumer, Delivery, Publication } from "../seams/broker.js";
import { MemoryBroker, type MemoryBackend } from "../brokers/memory/index.js";
import type { Claims } from "../seams/claims.js";
import { defaults } from "../vocabulary/defaults.js";
import { BrokerUnavailableError, RetryLater } from "../vocabulary/errors.js";
import type { ResultStore } from "../seams/results.js";
import { TestClaims } from "./claims.js";
import { WatchedDelivery, type Failure, type Fate, type Watch } from "./delivery.js";
import { PendingFaults } from "./faults.js";
import { TestResults } from "./results.js";
import { Stillness } from "./stillness.js";

export class TestBroker extends MemoryBroker implements Watch {
  override readonly results: ResultStore;
  override readonly claims: Claims;
  readonly faults: PendingFaults;
  readonly sent: Publication[] = [];
  readonly failures: Failure[] = [];
  /** Failures that nobody has been told of yet. */
  readonly #untold = new Set<Failure>();
  /** Messages whose callers learned by the result how they ended. */
  readonly #answered = new Set<string>();
  /** What workers hold. */
  readonly held = new Set<WatchedDelivery>();
  readonly stillness = new Stillness();
  readonly #backend: MemoryBackend;

  /** @param patience How long anybody waits for a result while the clock stands still, in milliseconds of real time. */
  constructor(backend: MemoryBackend, patience: number) {
    super(backend);
    this.#backend = backend;
    // A handler that asks for it is known to hold its message only when it waits for something.
    this.faults = new PendingFaults(() => queueMicrotask(() => this.#loseLeases()));
    this.claims = new TestClaims(
      backend,
      (message) => this.#accept([message]),
      () => this.#reach(),
    );
    this.results = new TestResults(backend, patience, (id) => this.#answer(id));
  }

  /** Whether something runs, or is about to: a message in a worker's hands, or one that waits where a worker takes. */
  get busy(): boolean {
    return this.held.size > 0 || this.waiting > 0;
  }

  /** How many queues have messages that a worker could take. */
  get waiting(): number {
    return [...this.#backend.queues].filter(({ consumers, offers }) => offers && consumers.size > 0).length;
  }

  override async publish(messages: readonly Publication[]): Promise<void> {
    this.#reach();
    await this.#accept(messages);
  }

  override consume(queue: string, options: ConsumeOptions): Consumer {
    const known = new WeakMap<Delivery, WatchedDelivery>();
    return super.consume(queue, {
      ...options,
      deliver: (delivery) => {
        const watched = new WatchedDelivery(delivery, this.#fate(), this);
        known.set(delivery, watched);
        this.held.add(watched);
        this.stillness.moved();
        options.deliver(watched);
      },
      lost: (deliveries, reason) => {
        const lost = deliveries.flatMap((delivery) => known.get(delivery) ?? []);
        for (const delivery of lost) this.ended(delivery);
        options.lost(lost, reason);
      },
    });
  }

  /** The first of the failures that nobody was told of. They count as told then. */
  takeUntold(): Failure | undefined {
    const [first] = this.#untold;
    this.#untold.clear();
    return first;
  }

  failed(failure: Failure): void {
    this.failures.push(failure);
    // A result is stored before its message is settled; and who asks to be tried again later has said what he means.
    if (!this.#answered.has(failure.id) && !(failure.error instanceof RetryLater)) this.#untold.add(failure);
  }

  again(message: Publication, crashes: number, when: "now" | "after its lease"): void {
    const put = () => this.#backend.queue(message.queue).put({ publication: message, crashes }, "first");
    if (when === "now") put();
    else this.#backend.clock.after(defaults.broker.lease, put, { background: true });
  }

  ended(delivery: WatchedDelivery): void {
    this.held.delete(delivery);
    this.stillness.moved();
  }

  #reach(): void {
    if (!this.faults.strikes("disconnect")) return;
    throw new BrokerUnavailableError(`${this.name} cannot be reached: the test dropped the connection`);
  }

  async #accept(messages: readonly Publication[]): Promise<void> {
    await super.publish(messages);
    this.sent.push(...messages);
  }

  #fate(): Fate {
    if (this.faults.strikes("crash")) return "crash";
    return this.faults.strikes("duplicate") ? "duplicate" : undefined;
  }

  #answer(id: string): void {
    this.#answered.add(id);
    for (const failure of this.#untold) if (failure.id === id) this.#untold.delete(failure);
  }

  #loseLeases(): void {
    for (const { consumers } of this.#backend.queues) for (const consumer of consumers) consumer.expire();
  }
}
