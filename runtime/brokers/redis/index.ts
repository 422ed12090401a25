/** The Redis broker: Redis 6.2 or later, Valkey; one server, a primary that sentinels watch, or a cluster. */
import type { ConnectionOptions } from "node:tls";
import { duration, durationOption, refuseUnknownOptions } from "../../support/given-options.js";
import type { Broker, ConsumeOptions, Consumer, Publication } from "../../seams/broker.js";
import { defaults } from "../../vocabulary/defaults.js";
import type { Duration } from "../../vocabulary/duration.js";
import { BrokerClosedError } from "../../vocabulary/errors.js";
import type { MaybePromise } from "../../support/maybe.js";
import type { ResultStore } from "../../seams/results.js";
import type { StateStore } from "../../seams/state.js";
import { redisAddress, type RedisAddress, type RedisClusterTarget, type RedisTarget } from "./address.js";
import { RedisClaims } from "./claims.js";
import { RedisConnection } from "./connection.js";
import { RedisConsumer } from "./consumer.js";
import { RedisDeadLetters } from "./dead-letters.js";
import { checkPrefix, queueKeys, type LaneKeys } from "./keys.js";
import { Lanes } from "./lanes.js";
import { RedisOperations } from "./operations.js";
import { Publisher } from "./publisher.js";
import { Puts } from "./puts.js";
import { QueueRegister } from "./queue-register.js";
import { RedisResults } from "./results.js";
import { ServerClock } from "./server-clock.js";
import { RedisState, type StateContext } from "./state.js";
import { RedisSubscriber } from "./subscriber.js";
import type { Beat } from "./workers.js";
import { Sweeper } from "./sweeper.js";

export type { RedisClusterTarget, RedisTarget } from "./address.js";
export type { RedisNode } from "./nodes.js";

/** How the Redis broker behaves. */
export interface RedisBrokerOptions {
  /** What every key begins with. Default: `"callboard"`. */
  readonly prefix?: string;
  /** How long a worker that says nothing keeps its messages. Default: `"15s"`. */
  readonly lease?: Duration;
  /** How often workers look for others whose lease is over. Default: `"5s"`. */
  readonly sweepInterval?: Duration;
  /** How long dead letters are kept. Default: `"7d"`. */
  readonly deadLetterTtl?: Duration;
  /** How long a `send` waits for the server before it rejects. Default: `"10s"`. */
  readonly publishTimeout?: Duration;
  /** For a `rediss:` URL, as `node:tls` takes them: `{ ca }`, `{ cert, key }`, `{ servername }`. */
  readonly tls?: ConnectionOptions;
}

/**
 * A broker on Redis. It connects at first use. `target` is one of:
 *
 * - a server's URL: `redis://user:password@host:6379/0`, `rediss://` for TLS;
 * - ioredis options: `{ host, port, password, … }`, or `{ sentinels: [{ host, port }], name }`;
 * - a cluster: `{ cluster: ["redis://host:6379", …] }`, with some of its nodes.
 */
export function redisBroker(
  target: string | RedisTarget | RedisClusterTarget,
  options: RedisBrokerOptions = {},
): Broker {
  return new RedisBroker(redisAddress(target, options.tls), checkOptions(options));
}

/** How a result store in Redis behaves. */
export type RedisResultsOptions = Pick<RedisBrokerOptions, "prefix" | "publishTimeout" | "tls">;

/** Results in Redis for a broker that has no store of its own. */
export interface RedisResultStore extends ResultStore {
  /** Ends its connections. A broker that it was given to does this when it is closed itself. */
  close(): Promise<void>;
}

/** Keeps results on a Redis server, named as for `redisBroker`, while messages travel elsewhere. It connects at first use. */
export function redisResults(
  target: string | RedisTarget | RedisClusterTarget,
  options: RedisResultsOptions = {},
): RedisResultStore {
  refuseUnknownOptions("redisResults", options, ["prefix", "publishTimeout", "tls"]);
  const patience = durationOption("publishTimeout", options.publishTimeout, defaults.broker.publishTimeout);
  const address = redisAddress(target, options.tls);
  const connection = new RedisConnection(address, { use: "publish", patience, whenDown: "wait" });
  const subscriber = new RedisSubscriber(address);
  const results = new RedisResults(checkPrefix(options.prefix), connection, subscriber);
  return Object.assign(results, {
    async close() {
      results.end(new BrokerClosedError(connection.name));
      await Promise.all([connection.close(), subscriber.close()]);
    },
  });
}

/** How a state store in Redis behaves. */
export interface RedisStateOptions extends Omit<RedisResultsOptions, "prefix"> {
  /** What its keys begin with. Default: the prefix of the broker that it is given to. */
  readonly prefix?: string;
}

/** A state store in Redis for a broker that has none of its own. */
export interface RedisStateStore extends StateStore {
  /** The store for a broker of this prefix: the same one where it was given a prefix of its own. */
  under(prefix: string): RedisStateStore;
  /** Ends its connections. A broker that it was given to does this when it is closed itself. */
  close(): Promise<void>;
}

/**
 * Keeps what processes share on a Redis server, named as for `redisBroker`, while messages travel elsewhere. It connects
 * at first use.
 */
export function redisState(
  target: string | RedisTarget | RedisClusterTarget,
  options: RedisStateOptions = {},
): RedisStateStore {
  refuseUnknownOptions("redisState", options, ["prefix", "publishTimeout", "tls"]);
  const patience = durationOption("publishTimeout", options.publishTimeout, defaults.broker.publishTimeout);
  const address = redisAddress(target, options.tls);
  const connection = new RedisConnection(address, { use: "publish", patience, whenDown: "wait" });
  return openState({ connection, subscriber: new RedisSubscriber(address), apart: true }, options.prefix);
}

/** `own`: the prefix that it was given; without one, a broker's is taken. */
function openState(context: Omit<StateContext, "prefix">, own: string | undefined): RedisStateStore {
  const state = new RedisState({ ...context, prefix: checkPrefix(own) });
  const store: RedisStateStore = Object.assign(state, {
    under: (prefix: string) => (own === undefined ? openState(context, prefix) : store),
    async close() {
      state.controls.close();
      await Promise.all([context.connection.close(), context.subscriber.close()]);
    },
  });
  return store;
}

/** Shorter, a half-open connection could not be told from a slow one in time. In milliseconds. */
const SHORTEST_LEASE = 1000;

type CheckedOptions = ReturnType<typeof checkOptions>;

class RedisBroker implements Broker {
  readonly name: string;
  readonly results: RedisResults;
  readonly deadLetters: RedisDeadLetters;
  readonly claims: RedisClaims;
  readonly state: RedisState;
  readonly operations: RedisOperations;
  readonly #options: CheckedOptions;
  readonly #publishing: RedisConnection;
  readonly #consuming: RedisConnection;
  readonly #subscriber: RedisSubscriber;
  readonly #publisher: Publisher;
  readonly #clock: ServerClock;
  readonly #sweeper: Sweeper;
  readonly #consumers = new Set<RedisConsumer>();
  #closed = false;

  constructor(address: RedisAddress, options: CheckedOptions) {
    const { prefix, lease, publishTimeout, sweepInterval, deadLetterTtl } = options;
    this.name = address.name;
    this.#options = options;
    this.#publishing = new RedisConnection(address, { use: "publish", patience: publishTimeout, whenDown: "wait" });
    // A half-open connection is found out before the lease is over.
    this.#consuming = new RedisConnection(address, { use: "consume", patience: lease / 3, whenDown: "fail" });
    this.#subscriber = new RedisSubscriber(address);
    const register = new QueueRegister(prefix, this.#publishing);
    this.#publisher = new Publisher(this.#publishing, { prefix, timeout: publishTimeout, register });
    this.#sweeper = new Sweeper(this.#consuming, { prefix, interval: sweepInterval, deadLetterTtl, register });
    this.results = new RedisResults(prefix, this.#publishing, this.#subscriber);
    this.deadLetters = new RedisDeadLetters(prefix, this.#publishing, publishTimeout);
    this.claims = new RedisClaims(prefix, this.#publishing, publishTimeout);
    this.operations = new RedisOperations({ prefix, connection: this.#publishing, register, timeout: publishTimeout });
    this.state = new RedisState({
      prefix,
      connection: this.#publishing,
      subscriber: this.#subscriber,
      apart: false,
      carry: (beat) => this.#carry(beat),
    });
    this.#clock = new ServerClock(this.#publishing);
  }

  now(): MaybePromise<number> {
    this.#assertOpen();
    return this.#clock.now();
  }

  publish(messages: readonly Publication[]): Promise<void> {
    if (this.#closed) return Promise.reject(new BrokerClosedError(this.name));
    return this.#publisher.publish(messages);
  }

  consume(queue: string, options: ConsumeOptions): Consumer {
    this.#assertOpen();
    const context = {
      connection: this.#consuming,
      puts: this.#consuming.clustered ? undefined : new Puts(this.#options.prefix),
      subscriber: this.#subscriber,
      cancellations: this.state.controls.cancelled(queue),
      lease: this.#options.lease,
      siblings: () => this.#consumers.size,
      ended: (ended: RedisConsumer) => void this.#consumers.delete(ended),
      isFirst: (consumer: RedisConsumer) => this.#consumers.values().next().value === consumer,
    };
    const open = (keys: LaneKeys, most?: number) => {
      const consumer = new RedisConsumer(queue, keys, { ...context, most }, options);
      this.#consumers.add(consumer);
      return consumer;
    };
    const keys = queueKeys(this.#options.prefix, queue);
    const watch = (onSuspects: () => void) => this.#sweeper.add(queue, onSuspects);
    return new Lanes(open(keys), () => open(keys.suspects, 1), watch);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#sweeper.close();
    for (const consumer of this.#consumers) consumer.end();
    this.results.end(new BrokerClosedError(this.name));
    await Promise.all([this.#publishing.close(), this.#consuming.close(), this.#subscriber.close()]);
  }

  /** Has a heartbeat travel with the look of the consumer that has been idle for longest. */
  #carry(beat: Beat): Promise<readonly string[]> | undefined {
    // In a cluster, workers and messages may lie on different nodes.
    if (this.#consuming.clustered) return undefined;
    const idle = [...this.#consumers].filter((consumer) => consumer.idle);
    const [idlest] = idle.toSorted((a, b) => a.lastAnswer - b.lastAnswer);
    return idlest?.carry(beat);
  }

  #assertOpen(): void {
    if (this.#closed) throw new BrokerClosedError(this.name);
  }
}

const optionNames = [
  "prefix",
  "lease",
  "sweepInterval",
  "deadLetterTtl",
  "publishTimeout",
  "tls",
] as const satisfies (keyof RedisBrokerOptions)[];

function checkOptions(options: RedisBrokerOptions) {
  refuseUnknownOptions("redisBroker", options, optionNames);
  return {
    prefix: checkPrefix(options.prefix),
    lease: durationOption("lease", options.lease, defaults.broker.lease, SHORTEST_LEASE),
    sweepInterval: durationOption("sweepInterval", options.sweepInterval, defaults.broker.sweepInterval),
    deadLetterTtl: duration('"deadLetterTtl"', options.deadLetterTtl) ?? defaults.broker.deadLetterTtl,
    publishTimeout: durationOption("publishTimeout", options.publishTimeout, defaults.broker.publishTimeout),
  };
}
