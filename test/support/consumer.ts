/** A consumer that a test looks into: it keeps what it is given until the test settles it. */
import type { Broker, Consumer, Delivery, Slots } from "../../runtime/seams/broker.js";
import { eventually } from "./eventually.js";

class TestSlots implements Slots {
  #free: number;
  constructor(
    readonly concurrency: number,
    readonly onFree: () => void,
  ) {
    this.#free = concurrency;
  }
  reserve(most: number): number {
    const count = Math.min(most, this.#free);
    this.#free -= count;
    return count;
  }
  free(count: number): void {
    this.#free += count;
    if (count > 0) this.onFree();
  }
}

export class TestConsumer {
  /** All that came, in order. */
  readonly deliveries: Delivery[] = [];
  readonly lost: Delivery[] = [];
  readonly notices: string[] = [];
  readonly consumer: Consumer;
  readonly #slots: TestSlots;
  #seen = 0;

  constructor(broker: Broker, queue: string, slots = 100) {
    // A slot that comes back is to be used, but not by the very fetch that gives it back.
    this.#slots = new TestSlots(slots, () => undefined);
    this.consumer = broker.consume(queue, {
      slots: this.#slots,
      deliver: (delivery) => this.deliveries.push(delivery),
      lost: (deliveries) => this.lost.push(...deliveries),
      notice: (_level, message) => this.notices.push(message),
    });
    this.consumer.pull();
  }

  /** The next delivery that the test has not seen yet. */
  async next(): Promise<Delivery> {
    await eventually("a delivery", () => this.deliveries.length > this.#seen);
    const delivery = this.deliveries[this.#seen++];
    if (delivery === undefined) throw new Error("no delivery");
    return delivery;
  }

  async take(count: number): Promise<Delivery[]> {
    const taken: Delivery[] = [];
    for (let i = 0; i < count; i++) taken.push(await this.next());
    return taken;
  }

  /** Acks a delivery and uses its slot for the next one. */
  async done(delivery: Delivery): Promise<void> {
    await delivery.ack();
    this.freeSlot();
  }

  freeSlot(): void {
    this.#slots.free(1);
    this.consumer.pull();
  }

  bodies(): string[] {
    return this.deliveries.map(({ body }) => body);
  }
}
