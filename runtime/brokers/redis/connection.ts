/** One connection to Redis: made at first use, made again after every loss, its errors in our own words. */
import { Redis, ReplyError, type RedisOptions } from "ioredis";
import { settlesWithin, systemClock } from "../../clock.js";
import {
  bareCause,
  BrokerClosedError,
  BrokerRefusedError,
  BrokerUnavailableError,
  CallboardError,
} from "../../errors.js";
import type { RedisAddress } from "./address.js";
import type { Script } from "./scripts.js";

/** How a connection behaves in an outage. */
export interface ConnectionRole {
  /** What it is for; shown by CLIENT LIST. */
  readonly use: "publish" | "consume" | "subscribe";
  /** How long an answer may take before the connection counts as dead, in milliseconds. */
  readonly patience: number;
  /**
   * `wait`: commands wait for the connection to come back, for some seconds at most; what was under way is sent again.
   * `fail`: they are refused at once, and what was under way fails, because nobody knows whether it was done.
   */
  readonly whenDown: "wait" | "fail";
}

/** How often a connection is tried before the commands that wait for it are refused. With the pauses below: 3 seconds. */
const TRIES = 6;
const SHORTEST_PAUSE = 50;
const LONGEST_PAUSE = 2000;

/** How long a server may take to say goodbye, in milliseconds. */
const FAREWELL = 1000;
/** How often an outage that goes on is told again, in milliseconds. */
const REMINDER = 60_000;
/** Refusals that pass without a change of ours: the server is full, busy, starting, or a replica for now. */
const PASSING = /^(OOM|READONLY|LOADING|BUSY|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b/;

/** What changes in a connection's life. */
export interface ConnectionListener {
  /** It is there: for the first time or again. */
  readonly up?: () => void;
  /** It is lost, or could not be made; told at once, and every minute while it lasts. */
  readonly down?: (error: Error) => void;
}

export class RedisConnection {
  readonly name: string;
  readonly #options: RedisOptions & { replyMapping: "legacy" };
  readonly #listeners = new Set<ConnectionListener>();
  #redis: Redis | undefined;
  #lastError: Error | undefined;
  #down = false;
  #toldAt = 0;
  #closed = false;

  constructor(address: RedisAddress, { use, patience, whenDown }: ConnectionRole) {
    this.name = address.name;
    this.#options = {
      connectionName: `callboard:${use}`,
      ...address.options,
      replyMapping: "legacy",
      stringNumbers: false,
      lazyConnect: true,
      connectTimeout: Math.max(patience, 1000),
      socketTimeout: Math.max(patience, 1000),
      retryStrategy: (times) => Math.min(SHORTEST_PAUSE * 2 ** (times - 1), LONGEST_PAUSE) * (0.75 + Math.random() / 4),
      // After a failover the old primary goes on as a replica: the name may lead to the new one by now.
      reconnectOnError: ({ message }) => message.startsWith("READONLY"),
      enableOfflineQueue: whenDown === "wait",
      autoResendUnfulfilledCommands: whenDown === "wait",
      // With 0, ioredis rejects at each loss what was under way; with null it would leave it pending for ever.
      maxRetriesPerRequest: whenDown === "wait" ? TRIES : 0,
      // Ours: ioredis remembers only what the server confirmed.
      autoResubscribe: false,
    };
  }

  /** Whether commands would be sent now. */
  get ready(): boolean {
    return this.#redis?.status === "ready";
  }

  /** ioredis itself, for the few commands that are no scripts. Connects at first use. */
  get redis(): Redis {
    if (this.#closed) throw new BrokerClosedError(this.name);
    this.#redis ??= this.#connect();
    return this.#redis;
  }

  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs a script; its errors are ours. */
  async run<Reply>(
    script: Script<Reply>,
    keys: readonly string[],
    args: readonly (string | number)[] = [],
  ): Promise<Reply> {
    try {
      return await script.run(this.redis, keys, args);
    } catch (error) {
      throw this.translate(error);
    }
  }

  /** Runs a plain command; its errors are ours. */
  async command<Reply>(send: (redis: Redis) => Promise<Reply>): Promise<Reply> {
    try {
      return await send(this.redis);
    } catch (error) {
      throw this.translate(error);
    }
  }

  /** What ioredis threw, as one of our errors. */
  translate(error: unknown): Error {
    if (error instanceof CallboardError) return error;
    if (this.#closed) return new BrokerClosedError(this.name);
    const cause = bareCause(error);
    const refusal = isReply(error) ? cause.message : this.#refusal;
    if (refusal !== undefined) {
      return new BrokerRefusedError(`${this.name} refused: ${refusal}`, { cause, passing: PASSING.test(refusal) });
    }
    const detail = this.#lastError?.message ?? cause.message;
    return new BrokerUnavailableError(`${this.name} cannot be reached: ${detail}`, { cause });
  }

  /** Waits for an answer no longer than this, in milliseconds. */
  async within<T>(limit: number, answer: Promise<T>): Promise<T> {
    try {
      if (await settlesWithin(systemClock, limit, answer)) return await answer;
    } catch (error) {
      throw this.translate(error);
    }
    throw this.#silent(limit);
  }

  /** The error of one who has waited long enough. */
  #silent(waited: number): BrokerUnavailableError {
    const detail = this.#lastError === undefined ? "" : `: ${this.#lastError.message}`;
    return new BrokerUnavailableError(`${this.name} did not answer within ${waited} ms${detail}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const redis = this.#redis;
    if (redis === undefined) return;
    // What is under way may still be answered, but nobody waits for a server that is silent.
    if (redis.status === "ready") await settlesWithin(systemClock, FAREWELL, redis.quit());
    redis.disconnect();
  }

  #connect(): Redis {
    const redis = new Redis(this.#options);
    redis.on("ready", () => {
      if (this.#closed) return;
      this.#down = false;
      this.#lastError = undefined;
      for (const { up } of this.#listeners) up?.();
    });
    redis.on("error", (error: Error) => {
      this.#lastError = error;
      // A refused SELECT is only told: ioredis would go on in database 0.
      if (isReply(error) && !this.ready) redis.disconnect(true);
      this.#tellDown();
    });
    redis.on("close", () => this.#tellDown());
    // A failure is told by "error", and ioredis goes on trying.
    redis.connect().catch(() => undefined);
    return redis;
  }

  /** What the server said when it refused the connection. */
  get #refusal(): string | undefined {
    return isReply(this.#lastError) ? this.#lastError.message : undefined;
  }

  #tellDown(): void {
    if (this.#closed || (this.#down && performance.now() - this.#toldAt < REMINDER)) return;
    this.#down = true;
    this.#toldAt = performance.now();
    const error = this.translate(this.#lastError ?? new Error("the connection was closed"));
    for (const { down } of this.#listeners) down?.(error);
  }
}

/** Whether an error is what the server answered, and not what became of the connection. */
function isReply(error: unknown): error is Error {
  return error instanceof (ReplyError as new () => Error);
}
