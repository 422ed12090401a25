/** What a consumer holds of a queue in Redis: the messages that are delivered and not settled, and how it lets go of each. */
import type { Answer, DeadLetterInit, Publication } from "../../seams/broker.js";
import { LeaseLostError } from "../../vocabulary/errors.js";
import type { RedisConnection } from "./connection.js";
import { AckBatch, AnsweringDelivery, RedisDelivery, type Settling } from "./delivery.js";
import type { LaneKeys } from "./keys.js";
import { scripts } from "./scripts.js";

/** Where a holding's messages are. */
export interface HoldingContext {
  readonly queue: string;
  readonly keys: LaneKeys;
  readonly connection: RedisConnection;
  /** Whether answers travel with acks. */
  readonly answering: boolean;
  /** The running hash under the consumer's present lease. */
  readonly running: () => string;
  /** Says that there is something to ack, or one message less. */
  readonly changed: () => void;
}

export class Holding implements Settling {
  readonly #context: HoldingContext;
  /** By the field in the running hash. */
  readonly #held = new Map<number, RedisDelivery>();
  /** What is done and waits for the next calls, in their order. */
  #acks: AckBatch[] = [];

  constructor(context: HoldingContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#held.size;
  }

  fields(): Iterable<number> {
    return this.#held.keys();
  }

  holds(delivery: RedisDelivery): boolean {
    return this.#held.get(delivery.field) === delivery;
  }

  /** Takes messages in hand. */
  add(fields: readonly number[], bodies: readonly string[]): readonly RedisDelivery[] {
    const Kind = this.#context.answering ? AnsweringDelivery : RedisDelivery;
    const deliveries = fields.map((field, i) => new Kind(this, this.#context.queue, field, bodies[i] ?? ""));
    for (const delivery of deliveries) this.#held.set(delivery.field, delivery);
    return deliveries;
  }

  /** Knows nothing of messages from here on, whatever the server says of them; returns those that it held. */
  forget(deliveries: readonly RedisDelivery[]): readonly RedisDelivery[] {
    return deliveries.filter((delivery) => this.holds(delivery) && this.#held.delete(delivery.field));
  }

  /** Lets go of everything, since others have it; returns what it was. */
  abandon(reason: LeaseLostError): readonly RedisDelivery[] {
    for (const acks of this.#acks.splice(0)) acks.refuse(reason);
    const lost = [...this.#held.values()];
    this.#held.clear();
    return lost;
  }

  /** Whether there are acks that wait for a call. */
  get hasAcks(): boolean {
    return this.#acks.length > 0;
  }

  /** The acks that the next call takes along. */
  nextAcks(): AckBatch | undefined {
    return this.#acks.shift();
  }

  /** The server has done what a call took along. */
  accept(acks: AckBatch): void {
    for (const { field } of acks.deliveries) this.#held.delete(field);
    acks.accept();
  }

  /** Queues an ack for the next call; all acks of one call share a promise. */
  ack(delivery: RedisDelivery, answer?: Answer): Promise<void> {
    if (!this.holds(delivery)) return Promise.reject(this.#notHeld());
    let acks = this.#acks.at(-1);
    if (acks === undefined || acks.full) this.#acks.push((acks = new AckBatch()));
    acks.add(delivery, answer);
    this.#context.changed();
    return acks.settled;
  }

  async retry(delivery: RedisDelivery, next: Publication): Promise<void> {
    const { keys, connection } = this.#context;
    await this.#settle(delivery, (running) =>
      connection.run(
        scripts.retry,
        [running, keys.delayed, keys.ready(next.priority), keys.idle],
        [delivery.field, next.delay, 9 - next.priority, next.body],
      ),
    );
  }

  async reject(delivery: RedisDelivery, letter: DeadLetterInit): Promise<void> {
    const { keys, connection } = this.#context;
    await this.#settle(delivery, (running) =>
      connection.run(
        scripts.reject,
        [running, keys.dead, keys.deadIndex],
        [delivery.field, letter.id, JSON.stringify(letter)],
      ),
    );
  }

  async release(delivery: RedisDelivery): Promise<void> {
    const { keys, connection } = this.#context;
    await this.#settle(delivery, (running) =>
      connection.run(scripts.release, [running, keys.idle, ...keys.allReady], [delivery.field]),
    );
  }

  /** Runs a script that lets go of a delivery, and that returns 0 where it is no longer held. */
  async #settle(delivery: RedisDelivery, script: (running: string) => Promise<number>): Promise<void> {
    if (!this.holds(delivery)) throw this.#notHeld();
    const done = await script(this.#context.running());
    this.#held.delete(delivery.field);
    this.#context.changed();
    if (done === 0) throw this.#notHeld();
  }

  #notHeld(): LeaseLostError {
    return new LeaseLostError(`the message is no longer held by this consumer of "${this.#context.queue}"`);
  }
}
