/** One connection to Redis: made at first use, made again after every loss, its errors in our own words. */
import { Redis, type RedisOptions } from "ioredis";
import { maskUrl } from "../../broker-options.js";
import { BrokerClosedError, BrokerRefusedError, BrokerUnavailableError, InvalidOptionError } from "../../errors.js";
import type { Script } from "./scripts.js";

/** Where a Redis server is and how to log in. */
export interface RedisAddress {
  readonly options: RedisOptions;
  /** For people: never a password. */
  readonly name: string;
}

/** Reads a `redis:` or `rediss:` URL, or ioredis options. */
export function redisAddress(target: string | RedisOptions): RedisAddress {
  if (typeof target !== "string") {
    const { host = "localhost", port = 6379, db = 0 } = target;
    return { options: target, name: `redis ${target.path ?? `${host}:${port}`}/${db}` };
  }
  let url: URL;
  try {
    url = new URL(target);
  } catch (error) {
    throw new InvalidOptionError(`${maskUrl(target)} is no URL. Write redis://host:port, or rediss:// for TLS.`, {
      cause: error,
    });
  }
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw new InvalidOptionError(
      `${maskUrl(target)} is no Redis URL: it begins with "${url.protocol}", not "redis:" or "rediss:".`,
    );
  }
  const db = /^\/\d+$/.test(url.pathname) ? Number(url.pathname.slice(1)) : 0;
  if (url.pathname.length > 1 && !/^\/\d+$/.test(url.pathname)) {
    throw new InvalidOptionError(`${maskUrl(target)}: the path of a Redis URL is the number of a database, such as /0.`);
  }
  const host = url.hostname === "" ? "localhost" : url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? 6379 : Number(url.port);
  return {
    options: {
      host,
      port,
      db,
      ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
      ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
      ...(url.protocol === "rediss:" ? { tls: { servername: host } } : {}),
    },
    name: `redis ${host}:${port}/${db}`,
  };
}

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

/** What changes in a connection's life. */
export interface ConnectionListener {
  /** It is there: for the first time or again. */
  readonly up?: () => void;
  /** It is lost, or could not be made; told once for each outage. */
  readonly down?: (error: Error) => void;
}

export class RedisConnection {
  readonly name: string;
  readonly #options: RedisOptions & { replyMapping: "legacy" };
  readonly #listeners = new Set<ConnectionListener>();
  #redis: Redis | undefined;
  #lastError: Error | undefined;
  #down = false;
  #closed = false;

  constructor(address: RedisAddress, { use, patience, whenDown }: ConnectionRole) {
    this.name = address.name;
    this.#options = {
      connectionName: `callboard:${use}`,
      ...address.options,
      replyMapping: "legacy",
      lazyConnect: true,
      connectTimeout: Math.max(patience, 1000),
      socketTimeout: Math.max(patience, 1000),
      retryStrategy: (times) => Math.min(SHORTEST_PAUSE * 2 ** (times - 1), LONGEST_PAUSE) * (0.75 + Math.random() / 4),
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

  /** What ioredis threw, as one of our errors. */
  translate(error: unknown): Error {
    if (error instanceof BrokerClosedError || error instanceof BrokerUnavailableError) return error;
    if (this.#closed) return new BrokerClosedError(this.name);
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const refusal = name === "ReplyError" ? message : refusalIn(this.#lastError);
    if (refusal !== undefined) return new BrokerRefusedError(`${this.name} refused: ${refusal}`, { cause: error });
    const detail = this.#lastError?.message ?? message;
    return new BrokerUnavailableError(`${this.name} cannot be reached: ${detail}`, { cause: error });
  }

  /** The error of one who has waited long enough. */
  silent(waited: number): BrokerUnavailableError {
    const detail = this.#lastError === undefined ? "" : `: ${this.#lastError.message}`;
    return new BrokerUnavailableError(`${this.name} did not answer within ${waited} ms${detail}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const redis = this.#redis;
    if (redis === undefined) return;
    if (redis.status === "ready") await redis.quit().catch(() => undefined);
    redis.disconnect();
  }

  #connect(): Redis {
    const redis = new Redis(this.#options);
    redis.on("ready", () => {
      this.#down = false;
      this.#lastError = undefined;
      for (const { up } of this.#listeners) up?.();
    });
    redis.on("error", (error: Error) => {
      this.#lastError = error;
      // A refused SELECT is only told: ioredis would go on in database 0.
      if (error.name === "ReplyError" && !this.ready) redis.disconnect(true);
      this.#tellDown();
    });
    redis.on("close", () => this.#tellDown());
    // A failure is told by "error", and ioredis goes on trying.
    redis.connect().catch(() => undefined);
    return redis;
  }

  #tellDown(): void {
    if (this.#down || this.#closed) return;
    this.#down = true;
    const error = this.translate(this.#lastError ?? new Error("the connection was closed"));
    for (const { down } of this.#listeners) down?.(error);
  }
}

/** What the server said when it refused a connection. */
function refusalIn(error: Error | undefined): string | undefined {
  return error?.name === "ReplyError" ? error.message : undefined;
}
