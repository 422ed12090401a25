/** A consumer that takes only when it is told to, and keeps what it is given. */
import type { Broker, Consumer, Delivery, Slots } from "../../runtime/seams/broker.js";
import { QUEUE } from "./seam.js";

/** Slots that are open only while somebody takes. */
class Allowance implements Slots {
  readonly concurrency = 100;
  #open = 0;
  #reserved = 0;

  /** Whether a call is under way that may bring something. */
  get isBusy(): boolean {
    return this.#reserved > 0;
  }

  open(count: number): void {
    this.#open = count;
  }

  shut(): void {
    this.#open = 0;
  }

  reserve(most: number): number {
    const count = Math.min(most, this.#open);
    this.#open -= count;
    this.#reserved += count;
    return count;
  }

  free(count: number): void {
    this.#open += count;
    this.#reserved -= count;
  }

  /** A reserved slot is in use. */
  fill(): void {
    this.#reserved -= 1;
  }
}

export class Seat {
  readonly broker: Broker;
  readonly name: string;
  /** What it was given and has not settled, by field in the model. */
  readonly held = new Map<number, Delivery>();
  readonly consumer: Consumer;
  readonly #slots = new Allowance();
  readonly #arrived: Delivery[] = [];
  #sequence = 0;

  constructor(broker: Broker, name: string) {
    this.broker = broker;
    this.name = name;
    this.consumer = broker.consume(QUEUE, {
      slots: this.#slots,
      deliver: (delivery) => {
        this.#slots.fill();
        this.#arrived.push(delivery);
      },
      lost: () => undefined,
      notice: () => undefined,
    });
  }

  /** How many messages have arrived since it began to take; `undefined` while a call is under way. */
  get arrived(): number | undefined {
    return this.#slots.isBusy ? undefined : this.#arrived.length;
  }

  /** The first of some sequence numbers that nobody has used. */
  reserve(count: number): number {
    const first = this.#sequence;
    this.#sequence += count;
    return first;
  }

  /** Lets it take so many messages at most. */
  beginToTake(most: number): void {
    this.#slots.open(most);
    this.consumer.pull();
  }

  /** Lets it take no more; returns what has arrived. */
  endToTake(): readonly Delivery[] {
    this.#slots.shut();
    return this.#arrived.splice(0);
  }
}
