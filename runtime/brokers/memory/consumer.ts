/** Takes messages from a queue in memory. */
import type { ConsumeOptions, Consumer, DeadLetterInit, Delivery, Publication } from "../../seams/broker.js";
import { defaults } from "../../vocabulary/defaults.js";
import { reissue } from "../../wire/envelope.js";
import { LeaseLostError } from "../../vocabulary/errors.js";
import type { MemoryQueue, Taker, Waiting } from "./queue.js";

export class MemoryConsumer implements Consumer, Taker {
  readonly #queue: MemoryQueue;
  readonly #name: string;
  readonly #options: ConsumeOptions;
  readonly #held = new Set<MemoryDelivery>();
  #taking = true;
  #scheduled = false;

  constructor(queue: MemoryQueue, name: string, options: ConsumeOptions) {
    this.#queue = queue;
    this.#name = name;
    this.#options = options;
    queue.consumers.add(this);
    queue.holders.add(this);
    this.pull();
  }

  get healthy(): boolean {
    return this.#taking;
  }

  get holding(): number {
    return this.#held.size;
  }

  get bodies(): readonly string[] {
    return [...this.#held].map(({ body }) => body);
  }

  pull(): void {
    if (this.#scheduled || !this.#taking) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#fetch();
    });
  }

  #fetch(): void {
    while (this.#taking && this.#options.slots.reserve(1) === 1) {
      const waiting = this.#queue.take();
      if (waiting === undefined) return this.#options.slots.free(1);
      const delivery = new MemoryDelivery(this.#name, waiting, this);
      this.#held.add(delivery);
      this.#options.deliver(delivery);
    }
  }

  /** Lets go of a message that it holds, and does what follows. Refused when it is no longer held. */
  async settle(delivery: MemoryDelivery, follow: (queue: MemoryQueue) => void): Promise<void> {
    if (!this.#held.delete(delivery)) {
      throw new LeaseLostError(`the message is no longer held by this consumer of "${this.#name}"`);
    }
    follow(this.#queue);
  }

  async stop(): Promise<void> {
    this.#taking = false;
    this.#queue.consumers.delete(this);
  }

  async close(): Promise<void> {
    await this.stop();
    this.#giveBack(0);
  }

  /** Its process is gone, as far as the backend can tell: what it held goes to others when the lease is over. */
  die(): void {
    if (this.#held.size === 0 && !this.#taking) return;
    void this.stop();
    this.#queue.clock.after(defaults.broker.lease, () => this.expire(), { background: true });
  }

  /** Its lease is over: what it holds is given to others, and it is told. */
  expire(): void {
    const lost = [...this.#held];
    this.#giveBack(1);
    const reason = new LeaseLostError(`the lease on messages of "${this.#name}" ran out: other workers have them`);
    if (lost.length > 0) this.#options.lost(lost, reason);
  }

  #giveBack(crashes: number): void {
    for (const delivery of [...this.#held].reverse()) {
      this.#queue.put({ ...delivery.waiting, crashes: delivery.waiting.crashes + crashes }, "first");
    }
    this.#held.clear();
    if (!this.#taking) this.#queue.holders.delete(this);
  }
}

class MemoryDelivery implements Delivery {
  readonly queue: string;
  readonly priority: number;
  readonly body: string;
  readonly waiting: Waiting;
  readonly #consumer: MemoryConsumer;

  constructor(queue: string, waiting: Waiting, consumer: MemoryConsumer) {
    const { publication, crashes } = waiting;
    this.queue = queue;
    this.priority = publication.priority;
    this.body = crashes === 0 ? publication.body : withCrashes(publication.body, crashes);
    this.waiting = waiting;
    this.#consumer = consumer;
  }

  ack(): Promise<void> {
    return this.#consumer.settle(this, () => undefined);
  }

  retry(next: Publication): Promise<void> {
    return this.#consumer.settle(this, (queue) => queue.add(next));
  }

  reject(letter: DeadLetterInit): Promise<void> {
    return this.#consumer.settle(this, (queue) => queue.bury(letter));
  }

  release(): Promise<void> {
    return this.#consumer.settle(this, (queue) => queue.put(this.waiting, "first"));
  }
}

/** The message's bytes, with its crashes; what is no envelope stays as it is, and whoever decodes it will say so. */
function withCrashes(body: string, crashes: number): string {
  try {
    return reissue(body, { crashes });
  } catch {
    return body;
  }
}
