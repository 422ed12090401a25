/** One connection to Redis: made at first use, made again after every loss, its errors in our own words. */
import { Cluster, Redis, ReplyError, type RedisOptions } from "ioredis";
import { settlesWithin, systemClock } from "../../support/clock.js";
import {
  bareCause,
  BrokerClosedError,
  BrokerRefusedError,
  BrokerUnavailableError,
  CallboardError,
} from "../../vocabulary/errors.js";
import { outside } from "../../support/outside.js";
import { suspicion, tlsTrouble, type Schemes } from "../../support/tls.js";
import type { RedisAddress } from "./address.js";
import type { ClusterNodes, RedisNode } from "./nodes.js";
import { gatherWrites } from "../../support/gather.js";
import type { Script } from "./scripts.js";

/** What ioredis speaks to: one server, or a cluster, in which each command finds its node by its keys. */
export type RedisClient = Redis | Cluster;

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

/** How often a server is tried before the commands that wait for it are refused. With the pauses below: 3 seconds. */
const TRIES = 6;
const SHORTEST_PAUSE = 50;
const LONGEST_PAUSE = 2000;
/** How long a command waits before it is sent again to a cluster in which a node takes over from another, in milliseconds. */
const TAKEOVER_PAUSE = 100;
/** How long a node of a cluster may take to say who serves what, in milliseconds. */
const SLOTS_PATIENCE = 2000;
/** How often a process asks for that by itself, in milliseconds: nothing else tells one who only listens of a change. */
const SLOTS_INTERVAL = 5000;

/** How long a server may take to say goodbye, in milliseconds. */
const FAREWELL = 1000;
/** How often an outage that goes on is told again, in milliseconds. */
const REMINDER = 60_000;
/** Refusals that pass without a change of ours: the server is full, busy, starting, or a replica for now; a slot moves. */
const PASSING =
  /^(OOM|READONLY|LOADING|BUSY|MISCONF|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|ASK|MOVED)\b|^ERR Script attempted to access a non local key/;
/** How ioredis says that a cluster sent a command to and fro until it gave up, with what was answered last. */
const TO_AND_FRO = /^Too many Cluster redirections\. Last error: ReplyError: (.*)/;

/** How ioredis says that it has asked every sentinel in vain, whether they are down or do not know the name. */
const NO_SENTINEL = /^All sentinels are unreachable/;

const SCHEMES: Schemes = { plain: "redis://", secure: "rediss://" };
/** What a failure says of a server that ended the connection. */
const HANG_UP = /ECONNRESET|EPIPE|closed|max retries/i;
/** What it says of a server that ended it or was silent, where another would have spoken. */
const UNHEARD = new RegExp(`${HANG_UP.source}|ETIMEDOUT|did not answer`, "i");
/** What ioredis says of a node where the reason was told before. */
const CLOSED = "Connection is closed.";

/** What changes in a connection's life. */
export interface ConnectionListener {
  /** It is there: for the first time or again. */
  readonly up?: () => void;
  /** It is lost, or could not be made; told at once, and every minute while it lasts. */
  readonly down?: (error: Error) => void;
}

export class RedisConnection {
  readonly name: string;
  readonly #address: RedisAddress;
  readonly #role: ConnectionRole;
  readonly #listeners = new Set<ConnectionListener>();
  #redis: RedisClient | undefined;
  #lastError: Error | undefined;
  /** Which node of a cluster that was. */
  #failedNode: string | undefined;
  /** The server was there once. */
  #met = false;
  #down = false;
  #toldAt = 0;
  #closed = false;
  #revival: NodeJS.Timeout | undefined;
  #lookout: NodeJS.Timeout | undefined;

  constructor(address: RedisAddress, role: ConnectionRole) {
    this.name = address.name;
    this.#address = address;
    this.#role = role;
  }

  /** Whether each command goes to the node that its keys name, so that all of them must lie in one slot. */
  get clustered(): boolean {
    return this.#address.cluster !== undefined;
  }

  /** Whether commands would be sent now. */
  get ready(): boolean {
    return !this.#closed && this.#redis?.status === "ready";
  }

  /** ioredis itself, for the few commands that are no scripts. Connects at first use. */
  get redis(): RedisClient {
    if (this.#closed) throw new BrokerClosedError(this.name);
    this.#redis ??= outside(() => this.#connect());
    return this.#redis;
  }

  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Goes to another node where the one that it listens at is in the cluster no longer. Says whether it does. */
  rejoin(): boolean {
    const { cluster } = this.#address;
    if (cluster === undefined || !(this.#redis instanceof Redis)) return false;
    const { options, stream } = this.#redis;
    const { host, port } = placeOf(options);
    // A person may have named it otherwise than the cluster does.
    if (cluster.has({ host, port }) || cluster.has({ host: stream.remoteAddress ?? host, port })) return false;
    this.#redis.disconnect(true);
    return true;
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
  async command<Reply>(send: (redis: RedisClient) => Promise<Reply>): Promise<Reply> {
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
    const refusal = isReply(error) ? cause.message : (this.#refusal ?? refusalIn(cause));
    if (refusal !== undefined) return this.refused(refusal, cause);
    return this.#outage("cannot be reached", this.#lastError ?? cause);
  }

  /** What the server, or a script on it, refused in these words, as our error. */
  refused(words: string, cause: unknown = new Error(words)): BrokerRefusedError {
    return new BrokerRefusedError(`${this.name} refused: ${words}`, { cause, passing: PASSING.test(words) });
  }

  /** Says that there is no connection, why, and what can be done about it where that is known. */
  #outage(what: string, error: Error): BrokerUnavailableError {
    const cause = bareCause(error);
    const trouble = this.#secure ? tlsTrouble(error, SCHEMES) : undefined;
    if (trouble !== undefined) return new BrokerUnavailableError(`${this.name} ${trouble}`, { cause });
    const { message } = error;
    return new BrokerUnavailableError(`${this.name} ${what}: ${message}${this.#doubt(message)}`, { cause });
  }

  /** What may be wrong with a server that nothing was ever heard of, by what its failure says. */
  #doubt(failure: string): string {
    const what = HANG_UP.test(failure) ? "hang-up" : "silence";
    const doubt = this.#met || !UNHEARD.test(failure) ? undefined : suspicion(what, this.#secure, SCHEMES);
    return doubt === undefined ? "" : `; ${doubt}`;
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
    const what = `did not answer within ${waited} ms`;
    if (this.#lastError !== undefined) return this.#outage(what, this.#lastError);
    return new BrokerUnavailableError(`${this.name} ${what}${this.#doubt(what)}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#revival);
    clearInterval(this.#lookout);
    const redis = this.#redis;
    if (redis === undefined) return;
    // What is under way may still be answered, but nobody waits for a server that is silent.
    if (redis.status === "ready") await settlesWithin(systemClock, FAREWELL, redis.quit());
    for (const each of redis instanceof Cluster ? redis.nodes() : [redis]) hearEveryError(each);
    redis.disconnect();
  }

  #connect(): RedisClient {
    const redis = this.#create();
    redis.on("ready", () => {
      if (this.#closed) return;
      this.#met = true;
      this.#down = false;
      this.#lastError = undefined;
      for (const { up } of this.#listeners) up?.();
    });
    redis.on("close", () => this.#tellDown());
    redis.on("end", () => this.#revive(redis));
    this.#open(redis);
    return redis;
  }

  /** A failure is told by "error", and ioredis goes on trying. */
  #open(redis: RedisClient): void {
    redis.connect().catch(() => undefined);
  }

  /** ioredis gives up where neither sentinels nor nodes of a cluster answer, so that what waited is refused. We do not. */
  #revive(redis: RedisClient): void {
    if (this.#closed) return;
    this.#tellDown();
    this.#revival = setTimeout(() => this.#open(redis), pause(this.#tries));
  }

  #create(): RedisClient {
    const { cluster } = this.#address;
    if (cluster === undefined) return this.#server();
    // What is published reaches every node, so that it is enough to listen at one.
    return this.#role.use === "subscribe" ? this.#anyNode(cluster) : this.#cluster(cluster);
  }

  #server(place: { readonly host?: string; readonly port?: number } = {}, retryStrategy = pause): Redis {
    const redis = new Redis({
      ...this.#basics,
      ...place,
      lazyConnect: true,
      retryStrategy,
      sentinelRetryStrategy: (times) => (times < this.#tries ? pause(times) : null),
      // After a failover the old primary goes on as a replica: the name may lead to the new one by now.
      reconnectOnError: ({ message }) => (message.startsWith("READONLY") ? this.#afterReadOnly : false),
      enableOfflineQueue: this.#waits,
      autoResendUnfulfilledCommands: this.#waits,
      // With 0, ioredis rejects at each loss what was under way; with null it would leave it pending for ever.
      maxRetriesPerRequest: this.#waits ? this.#tries : 0,
      // Ours: ioredis remembers only what the server confirmed.
      autoResubscribe: false,
    });
    redis.on("connect", () => {
      hearEveryError(redis);
      this.#gather(redis);
    });
    let lastSentinel = "";
    redis.on("sentinelError", ({ message }: Error) => (lastSentinel = message));
    redis.on("error", (error: Error) => {
      hearEveryError(redis);
      this.#lastError = NO_SENTINEL.test(error.message) ? new Error(`no sentinel names it; ${lastSentinel}`) : error;
      // A refused SELECT is only told: ioredis would go on in database 0.
      if (isReply(error) && !this.ready) redis.disconnect(true);
      this.#tellDown();
    });
    return redis;
  }

  /** A connection to one node of a cluster, after each loss to another one. */
  #anyNode(nodes: ClusterNodes): Redis {
    const redis: Redis = this.#server(nodes.next(), (times) => {
      // ioredis reads them at each attempt.
      Object.assign(redis.options, nodes.next(times));
      return pause(times);
    });
    return redis;
  }

  #cluster(nodes: ClusterNodes): Cluster {
    const { natMap } = this.#address.options;
    const cluster = new Cluster([...nodes.seeds], {
      redisOptions: this.#basics,
      ...(natMap !== undefined && { natMap }),
      lazyConnect: true,
      // Names are left to each connection: TLS checks the certificate against them.
      dnsLookup: (host, callback) => callback(null, host),
      slotsRefreshTimeout: SLOTS_PATIENCE,
      clusterRetryStrategy: (times) => (times % this.#tries === 0 ? null : pause(times)),
      // A command that was under way when its node was lost: nobody knows whether it was done.
      retryDelayOnFailover: this.#waits ? TAKEOVER_PAUSE : 0,
      retryDelayOnClusterDown: this.#waits ? TAKEOVER_PAUSE : 0,
      retryDelayOnTryAgain: TAKEOVER_PAUSE,
      // One try may cost three of them: some node tells who serves the key, that one whom its slot moves to, and that one
      // that it has not got all of it.
      maxRedirections: Math.ceil((3 * this.#role.patience) / TAKEOVER_PAUSE),
    });
    this.#watch(cluster, nodes);
    return cluster;
  }

  /** Learns which nodes there are, and which of them failed. */
  #watch(cluster: Cluster, nodes: ClusterNodes): void {
    cluster.on("+node", (node: Redis) => {
      nodes.found(placeOf(node.options));
      node.on("connect", () => {
        hearEveryError(node);
        this.#gather(node);
      });
      node.on("error", () => hearEveryError(node));
      node.on("ready", () => this.#excuse(addressOf(node)));
      tendAsking(node);
    });
    cluster.on("-node", ({ options }: Redis) => nodes.left(placeOf(options)));
    cluster.on("node error", (error: Error, node: string) => {
      if (error.message === CLOSED) return;
      this.#lastError = error;
      this.#failedNode = node;
    });
    cluster.on("refresh", () => {
      if (!cluster.nodes().some((node) => addressOf(node) === this.#failedNode)) this.#excuse(this.#failedNode);
    });
    // No node has answered; why was told by each.
    cluster.on("error", () => this.#tellDown());
    if (this.#role.use !== "publish") return;
    this.#lookout = setInterval(() => void this.#leaveStrangers(cluster).catch(() => undefined), SLOTS_INTERVAL);
    this.#lookout.unref();
  }

  /**
   * Leaves nodes that the cluster does not name any longer. A primary is asked: ioredis would ask any of them, and let go of
   * all nodes where it is one that was taken out, which knows of none.
   */
  async #leaveStrangers(cluster: Cluster): Promise<void> {
    const primaries = cluster.nodes("master").filter(({ status }) => status === "ready");
    const primary = primaries[Math.floor(Math.random() * primaries.length)];
    const ranges = (await primary?.cluster("SLOTS")) ?? [];
    const places = ranges.flatMap(([, , ...nodes]) => nodes.map(([host, port]) => this.#reachedAt(`${host}:${port}`)));
    if (places.length === 0) return;
    for (const node of cluster.nodes()) if (!places.includes(addressOf(node))) node.disconnect();
  }

  /** Where a node is reached that the cluster names so. */
  #reachedAt(name: string): string {
    const { natMap } = this.#address.options;
    const place = typeof natMap === "function" ? natMap(name) : natMap?.[name];
    return place == null ? name : `${place.host}:${place.port}`;
  }

  /** A node that is well again, or that another took over from, explains nothing that fails from now on. */
  #excuse(node: string | undefined): void {
    if (node === this.#failedNode) this.#lastError = undefined;
  }

  /** A consumer's call leaves at once, before the turn's handlers: the server works on it while they do. */
  #gather({ stream }: Redis): void {
    if (this.#role.use !== "consume") gatherWrites(stream);
  }

  /** What holds for every connection, also for those to the nodes of a cluster. */
  get #basics() {
    const limit = Math.max(this.#role.patience, 1000);
    return {
      connectionName: `callboard:${this.#role.use}`,
      ...this.#address.options,
      replyMapping: "legacy",
      stringNumbers: false,
      connectTimeout: limit,
      socketTimeout: limit,
    } as const;
  }

  get #secure(): boolean {
    return this.#address.options.tls !== undefined;
  }

  /** Whether commands wait for the connection, and are sent again. */
  get #waits(): boolean {
    return this.#role.whenDown === "wait";
  }

  /** Whether somebody takes over from a primary that is gone. */
  get #takenOver(): boolean {
    return this.#address.cluster !== undefined || this.#address.options.sentinels !== undefined;
  }

  /** How often a connection is tried before what waits for it is refused: where somebody takes over, as long as it may. */
  get #tries(): number {
    return this.#takenOver ? triesWithin(this.#role.patience) : TRIES;
  }

  /** What ioredis does after READONLY: 2, connects anew and sends the command again; 1, connects anew. */
  get #afterReadOnly(): 1 | 2 {
    // A server of one's own may be a replica for good.
    return this.#waits && this.#takenOver ? 2 : 1;
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

/** What a cluster answered last to a command that it sent to and fro. */
function refusalIn({ message }: Error): string | undefined {
  return TO_AND_FRO.exec(message)?.[1];
}

const ignore = () => undefined;

/**
 * ioredis hears the first error of a socket, and leaves a second one to nobody, which would end the process. With TLS both
 * may come: a write that fails, and why the server has hung up.
 */
function hearEveryError({ stream }: Partial<Pick<Redis, "stream">>): void {
  stream?.off("error", ignore).on("error", ignore);
}

/** A node as ioredis names it where it tells of its failures. */
function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`;
}

/**
 * Sees to what becomes of ASKING, which ioredis sends ahead of a command whose slot moves: it leaves the answer to nobody,
 * so that a refusal would end the process. The command behind it says what went wrong.
 */
function tendAsking(node: Redis): void {
  const asking = node.asking.bind(node);
  node.asking = () => {
    const asked = asking();
    asked.catch(() => undefined);
    return asked;
  };
}

/** How long to wait before the next try, in milliseconds. */
function pause(times: number): number {
  return Math.min(SHORTEST_PAUSE * 2 ** (times - 1), LONGEST_PAUSE) * (0.75 + Math.random() / 4);
}

/** How many tries fit into a time, with the pauses between them. */
function triesWithin(time: number): number {
  let tries = 1;
  for (let waited = 0; waited < time; tries++) waited += Math.min(SHORTEST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE);
  return tries;
}

function placeOf({ host = "localhost", port }: RedisOptions): RedisNode {
  return { host, port };
}
