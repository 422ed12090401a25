/** The broker that needs no server: everything is in this process and is gone with it. For development and tests. */
import type { Broker, ConsumeOptions, Consumer, DeadLetters, Publication } from "../../seams/broker.js";
import type { Claims } from "../../seams/claims.js";
import type { Clock } from "../../support/clock.js";
import { BrokerClosedError } from "../../vocabulary/errors.js";
import type { ResultStore } from "../../seams/results.js";
import type { StateStore } from "../../seams/state.js";
import { MemoryBackend } from "./backend.js";
import { MemoryClaims } from "./claims.js";
import { MemoryConsumer } from "./consumer.js";
import { MemoryDeadLetters } from "./dead-letters.js";
import { MemoryOperations } from "./operations.js";
import { MemoryResults } from "./results.js";
import { MemoryState } from "./state.js";

export { MemoryBackend } from "./backend.js";

export interface MemoryBrokerOptions {
  /** What time it is. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Where messages are kept. Give the same to several brokers to have them share it, as two processes share a server. */
  readonly backend?: MemoryBackend;
}

/** A broker in this process. */
export function memoryBroker(options: MemoryBrokerOptions = {}): Broker {
  return new MemoryBroker(options.backend ?? new MemoryBackend(options.clock));
}

/** A broker whose messages are in this process. */
export class MemoryBroker implements Broker {
  readonly name = "memory";
  readonly clock: Clock;
  readonly results: ResultStore;
  readonly deadLetters: DeadLetters;
  readonly claims: Claims;
  readonly state: StateStore;
  readonly operations: MemoryOperations;
  readonly #backend: MemoryBackend;
  readonly #results: MemoryResults;
  readonly #consumers = new Set<MemoryConsumer>();
  #closed = false;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
    this.clock = backend.clock;
    this.#results = new MemoryResults(backend);
    this.results = this.#results;
    this.deadLetters = new MemoryDeadLetters(backend);
    this.claims = new MemoryClaims(backend, (message) => this.publish([message]));
    this.state = new MemoryState(backend);
    this.operations = new MemoryOperations(backend);
  }

  now(): number {
    return this.#backend.clock.now();
  }

  async publish(messages: readonly Publication[]): Promise<void> {
    if (this.#closed) throw new BrokerClosedError(this.name);
    for (const message of messages) this.#backend.queue(message.queue).add(message);
  }

  consume(queue: string, options: ConsumeOptions): Consumer {
    if (this.#closed) throw new BrokerClosedError(this.name);
    const consumer = new MemoryConsumer(this.#backend.queue(queue), queue, options);
    this.#consumers.add(consumer);
    return consumer;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const consumer of this.#consumers) consumer.die();
    this.#results.end(new BrokerClosedError(this.name));
  }
}
