/** The RabbitMQ broker: RabbitMQ 3.10 or later, without plugins. */
import type { ConnectionOptions } from "node:tls";
import { duration, durationOption, refuseUnknownOptions } from "../../support/given-options.js";
import type { Broker, ConsumeOptions, Consumer, Publication } from "../../seams/broker.js";
import type { Claims } from "../../seams/claims.js";
import { TwoStepClaims } from "../../sending/two-step-claims.js";
import { defaults } from "../../vocabulary/defaults.js";
import type { Duration } from "../../vocabulary/duration.js";
import { BrokerClosedError, InvalidOptionError } from "../../vocabulary/errors.js";
import type { ResultStore } from "../../seams/results.js";
import type { StateStore } from "../../seams/state.js";
import { RabbitmqConnection, rabbitmqAddresses, type RabbitmqAddresses } from "./connection.js";
import { RabbitmqConsumer } from "./consumer.js";
import { RabbitmqDeadLetters } from "./dead-letters.js";
import { Ladder } from "./ladder.js";
import { checkPrefix } from "./names.js";
import { RabbitmqOperations } from "./operations.js";
import { PauseWatch } from "./pause-watch.js";
import { Publisher } from "./publisher.js";
import { RabbitmqResults } from "./results.js";
import { Topology, type QueueType } from "./topology.js";

/** How the RabbitMQ broker behaves. */
export interface RabbitmqBrokerOptions {
  /** What the names of all queues and exchanges begin with. Default: `"callboard"`. */
  readonly prefix?: string;
  /** `"quorum"` keeps messages on a majority of the nodes, `"classic"` on one. Default: `"quorum"`. */
  readonly queueType?: QueueType;
  /** How long dead letters are kept. Default: `"7d"`. */
  readonly deadLetterTtl?: Duration;
  /** How long a `send` waits for the server before it rejects. Default: `"10s"`. */
  readonly publishTimeout?: Duration;
  /** How many messages of this process may be unconfirmed before a `send` is refused. Default: 100 000. */
  readonly maxInFlight?: number;
  /** How often each side says that it is there; a worker that misses two loses its messages. Default: `"10s"`. */
  readonly heartbeat?: Duration;
  /**
   * Where results are kept, such as `redisResults(url)`; closed with the broker. Default: each result is sent to the
   * process that sent the message, and only that process can read it.
   */
  readonly results?: ResultStore & { close?(): Promise<void> };
  /**
   * Where processes keep what they share, such as `redisState(url)`; closed with the broker. Rate limits, pipelines and
   * groups need one. Default: none.
   */
  readonly state?: ClosableStore & { under?(prefix: string): ClosableStore };
  /** For `amqps:`, as `node:tls` takes them: `{ ca }`, `{ cert, key }`. */
  readonly tls?: ConnectionOptions;
}

/** A state store with connections of its own. */
type ClosableStore = StateStore & { close?(): Promise<void> };

/** Parts that tests replace. */
export interface RabbitmqBrokerParts {
  /** Makes all delays shorter or longer. */
  readonly delayScale?: number;
}

/**
 * A broker on a RabbitMQ server, named by a URL (`amqp://user:password@host:5672/vhost`, `amqps://` for TLS), or on a
 * cluster, named by the URLs of its nodes, which are tried in turn. It connects at first use.
 */
export function rabbitmqBroker(
  url: string | readonly string[],
  options: RabbitmqBrokerOptions = {},
  parts: RabbitmqBrokerParts = {},
): Broker {
  const checked = checkOptions(options);
  return new RabbitmqBroker(rabbitmqAddresses(url, options.tls), checked, parts);
}

type CheckedOptions = ReturnType<typeof checkOptions>;

class RabbitmqBroker implements Broker {
  readonly name: string;
  readonly results: ResultStore;
  readonly deadLetters: RabbitmqDeadLetters;
  readonly claims: Claims | undefined;
  readonly state: ClosableStore | undefined;
  readonly operations: RabbitmqOperations;
  readonly #publishing: RabbitmqConnection;
  readonly #consuming: RabbitmqConnection;
  readonly #looking: RabbitmqConnection;
  readonly #publisher: Publisher;
  readonly #consumingTopology: Topology;
  readonly #replies: RabbitmqResults | undefined;
  readonly #store: RabbitmqBrokerOptions["results"];
  readonly #consumers = new Set<RabbitmqConsumer>();
  readonly #pauses: PauseWatch | undefined;
  #closed: Promise<void> | undefined;

  constructor(addresses: RabbitmqAddresses, options: CheckedOptions, { delayScale }: RabbitmqBrokerParts) {
    const { prefix, queueType, deadLetterTtl, publishTimeout, maxInFlight, heartbeat, results } = options;
    const state = options.state?.under?.(prefix) ?? options.state;
    const { maxInFlightCharacters, maxKeptResults, maxKeptCharacters, replyQueueTtl } = defaults.rabbitmq;
    // A server short of memory stops reading from whoever publishes: acks must not stand behind that.
    this.#publishing = new RabbitmqConnection(addresses, { use: "publish", heartbeat });
    this.name = this.#publishing.name;
    this.#consuming = new RabbitmqConnection(addresses, { use: "consume", heartbeat });
    // A look at a quorum queue that has no leader yet makes the server end the whole connection (seen on 3.10).
    this.#looking = new RabbitmqConnection(addresses, { use: "look", heartbeat });
    const ladder = new Ladder(prefix, delayScale);
    const topology = new Topology(this.#publishing, { prefix, queueType, ladder });
    this.#consumingTopology = new Topology(this.#consuming, { prefix, queueType, ladder });
    this.#publisher = new Publisher(this.#publishing, topology, {
      ladder,
      timeout: publishTimeout,
      maxInFlight: { messages: maxInFlight, characters: maxInFlightCharacters },
    });
    this.deadLetters = new RabbitmqDeadLetters(this.#looking, topology, this.#publisher, { ttl: deadLetterTtl });
    this.#store = results;
    this.state = state;
    const store = state?.claims;
    const send = (message: Publication) => this.publish([message]);
    this.claims = store === undefined ? undefined : new TwoStepClaims(store, send, publishTimeout);
    const used = () => [...topology.queues, ...this.#consumingTopology.queues];
    this.operations = new RabbitmqOperations(this.#looking, topology, used);
    this.#pauses = state === undefined ? undefined : new PauseWatch(state.pauses);
    this.#replies =
      results === undefined
        ? new RabbitmqResults(this.#consuming, this.#publisher, {
            prefix,
            replyQueueTtl,
            maxKept: { results: maxKeptResults, characters: maxKeptCharacters },
          })
        : undefined;
    this.results = this.#replies ?? (results as ResultStore);
  }

  now(): number {
    return Date.now();
  }

  async publish(messages: readonly Publication[]): Promise<void> {
    this.#assertOpen();
    if (messages.length > 0) await this.#publisher.publish(messages);
  }

  consume(queue: string, options: ConsumeOptions): Consumer {
    this.#assertOpen();
    const pauses = this.#pauses;
    const context = {
      connection: this.#consuming,
      topology: this.#consumingTopology,
      publishing: this.#publishing,
      publisher: this.#publisher,
      deadLetters: this.deadLetters,
      isPaused: pauses === undefined ? undefined : (name: string) => pauses.isPaused(name),
    };
    const consumer = new RabbitmqConsumer(queue, context, options);
    this.#consumers.add(consumer);
    pauses?.add(queue, consumer);
    return consumer;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const error = new BrokerClosedError(this.name);
    this.#pauses?.close();
    for (const consumer of this.#consumers) consumer.end();
    this.#replies?.close(error);
    const connections = [this.#publishing, this.#consuming, this.#looking];
    await Promise.all([
      ...connections.map((connection) => connection.close()),
      this.#store?.close?.(),
      this.state?.close?.(),
    ]);
    this.#publisher.close(error);
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new BrokerClosedError(this.name);
  }
}

const optionNames = [
  "prefix",
  "queueType",
  "deadLetterTtl",
  "publishTimeout",
  "maxInFlight",
  "heartbeat",
  "results",
  "state",
  "tls",
] as const satisfies (keyof RabbitmqBrokerOptions)[];

function checkOptions(options: RabbitmqBrokerOptions) {
  refuseUnknownOptions("rabbitmqBroker", options, optionNames);
  const { queueType = "quorum", maxInFlight = defaults.rabbitmq.maxInFlight, results, state } = options;
  if (!["quorum", "classic"].includes(queueType)) {
    throw new InvalidOptionError(`"queueType" must be "quorum" or "classic"; it is ${JSON.stringify(queueType)}.`);
  }
  if (!Number.isSafeInteger(maxInFlight) || maxInFlight < 1) {
    throw new InvalidOptionError(`"maxInFlight" must be a whole number, 1 or more; it is ${maxInFlight}.`);
  }
  if (results !== undefined && typeof results.put !== "function") {
    throw new InvalidOptionError('"results" must be a result store, such as redisResults(url).');
  }
  if (state !== undefined && typeof state.name !== "string") {
    throw new InvalidOptionError('"state" must be a state store, such as redisState(url).');
  }
  return {
    prefix: checkPrefix(options.prefix),
    queueType,
    maxInFlight,
    results,
    state,
    deadLetterTtl: duration('"deadLetterTtl"', options.deadLetterTtl) ?? defaults.broker.deadLetterTtl,
    publishTimeout: durationOption("publishTimeout", options.publishTimeout, defaults.broker.publishTimeout),
    heartbeat: durationOption("heartbeat", options.heartbeat, defaults.rabbitmq.heartbeat),
  };
}
