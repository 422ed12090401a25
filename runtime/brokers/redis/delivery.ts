/** A message that was taken from a queue in Redis, and the acks of those that are done, as they travel together. */
import type { DeadLetterInit, Delivery, Publication } from "../../seams/broker.js";

/** Acks that travel in one call. */
export class AckBatch {
  readonly deliveries: RedisDelivery[] = [];
  readonly settled: Promise<void>;
  accept!: () => void;
  refuse!: (error: Error) => void;

  constructor() {
    this.settled = new Promise((resolve, reject) => {
      this.accept = resolve;
      this.refuse = reject;
    });
  }

  /** Adds what `take` is told: the first and the last field of each run of neighbours. */
  appendRuns(args: (string | number)[]): void {
    let last: number | undefined;
    for (const { field } of this.deliveries) {
      if (last !== undefined && field === last + 10) args[args.length - 1] = field;
      else args.push(field, field);
      last = field;
    }
  }
}

/** Tells the server what becomes of a delivery. */
export interface Settling {
  ack(delivery: RedisDelivery): Promise<void>;
  retry(delivery: RedisDelivery, next: Publication): Promise<void>;
  reject(delivery: RedisDelivery, letter: DeadLetterInit): Promise<void>;
  release(delivery: RedisDelivery): Promise<void>;
}

/** One message of a Redis queue. */
export class RedisDelivery implements Delivery {
  readonly #consumer: Settling;

  constructor(
    consumer: Settling,
    readonly queue: string,
    /** Its field in the running hash: `sequence × 10 + priority`. */
    readonly field: number,
    readonly body: string,
  ) {
    this.#consumer = consumer;
  }

  get priority(): number {
    return this.field % 10;
  }

  ack(): Promise<void> {
    return this.#consumer.ack(this);
  }

  retry(next: Publication): Promise<void> {
    return this.#consumer.retry(this, next);
  }

  reject(letter: DeadLetterInit): Promise<void> {
    return this.#consumer.reject(this, letter);
  }

  release(): Promise<void> {
    return this.#consumer.release(this);
  }
}
