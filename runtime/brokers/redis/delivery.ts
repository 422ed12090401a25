/** A message that was taken from a queue in Redis, and the acks of those that are done, as they travel together. */
import type { Answer, DeadLetterInit, Delivery, Publication } from "../../seams/broker.js";
import type { Puts } from "./puts.js";

/** How many messages one call takes or acks at most. The server works on the next call while a batch is worked on. */
export const LARGEST_BATCH = 250;
/** How many characters of answers one call carries: other clients want their turn. */
const LARGEST_ANSWERS = 1024 * 1024;

/** Acks that travel in one call. */
export class AckBatch {
  readonly deliveries: RedisDelivery[] = [];
  readonly #answers: Answer[] = [];
  #size = 0;
  readonly settled: Promise<void>;
  accept!: () => void;
  refuse!: (error: Error) => void;

  constructor() {
    this.settled = new Promise((resolve, reject) => {
      this.accept = resolve;
      this.refuse = reject;
    });
  }

  get full(): boolean {
    return this.deliveries.length === LARGEST_BATCH || this.#size > LARGEST_ANSWERS;
  }

  add(delivery: RedisDelivery, answer: Answer | undefined): void {
    this.deliveries.push(delivery);
    if (answer === undefined) return;
    this.#answers.push(answer);
    this.#size += answer.json.length;
  }

  /** Adds what `take` is told: the answers, and the first and the last field of each run of neighbours. */
  appendTo(keys: string[], args: (string | number)[], puts: Puts | undefined): void {
    for (const answer of this.#answers) puts?.add(answer, keys, args);
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
  ack(delivery: RedisDelivery, answer?: Answer): Promise<void>;
  retry(delivery: RedisDelivery, next: Publication): Promise<void>;
  reject(delivery: RedisDelivery, letter: DeadLetterInit): Promise<void>;
  release(delivery: RedisDelivery): Promise<void>;
}

/** One message of a Redis queue. */
export class RedisDelivery implements Delivery {
  protected readonly consumer: Settling;

  constructor(
    consumer: Settling,
    readonly queue: string,
    /** Its field in the running hash: `sequence × 10 + priority`. */
    readonly field: number,
    readonly body: string,
  ) {
    this.consumer = consumer;
  }

  get priority(): number {
    return this.field % 10;
  }

  ack(): Promise<void> {
    return this.consumer.ack(this);
  }

  retry(next: Publication): Promise<void> {
    return this.consumer.retry(this, next);
  }

  reject(letter: DeadLetterInit): Promise<void> {
    return this.consumer.reject(this, letter);
  }

  release(): Promise<void> {
    return this.consumer.release(this);
  }
}

/** One whose answer is stored in one step with its ack. */
export class AnsweringDelivery extends RedisDelivery {
  answer(answer: Answer): Promise<void> {
    return this.consumer.ack(this, answer);
  }
}
