/** Private Redis servers for tests: to use, to kill and to bring back. */
import { Redis } from "ioredis";
import { eventually } from "../support/eventually.js";
import { requireProgram, type Requirement } from "./install.js";
import { answers, freePort, serverDirectory, startProgram, type Program } from "./program.js";

/** How a private Redis server differs from the plainest one. */
export interface RedisOptions {
  /** Requires this password of the default user. */
  readonly password?: string;
  /** Adds users, each as an ACL rule: `"alice on >secret ~* &* +@all"`. */
  readonly users?: readonly string[];
  /**
   * Keeps a log of all commands, from which `restart()` reads: with `always` (or `true`) each is on disk before it is
   * answered, with `everysec` within a second or two. Default: keeps nothing.
   */
  readonly appendonly?: boolean | "always" | "everysec";
  /** Further arguments of redis-server. */
  readonly args?: readonly string[];
}

/** A private Redis server. It ends with the test run at the latest. */
export interface RedisServer {
  /** The server's address, with the password where there is one. */
  readonly url: string;
  readonly port: number;
  /** Kills it like a power cut: SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** Kills it if it runs, and starts it again on the same port with the same data directory. */
  restart(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  pause(): void;
  /** Ends a `pause()`. */
  resume(): void;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** The program of a server, and of a sentinel. */
export const redisServer: Requirement = { program: "redis-server", package: "redis-server" };

/** A server that wants a password is up, too; one that loads its data is not yet. */
const upAndLoaded = /^(\+PONG|-NOAUTH)/;

/** Starts a Redis server of one's own on a free port, with a data directory of its own. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const command = await requireProgram(redisServer);
  const directory = serverDirectory("redis");
  const start = (port: number) =>
    startProgram({
      name: "redis-server",
      command,
      args: serverArguments(port, directory, options),
      directory,
      ready: () => answers(port, { greeting: "PING\r\n", expected: upAndLoaded }),
      timeout: 20_000,
    });

  let [port, program] = await startOnFreePort(start);
  const password = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`;
  return {
    url: `redis://${password}127.0.0.1:${port}`,
    port,
    kill: () => program.end("SIGKILL"),
    async restart() {
      await program.end("SIGKILL");
      program = await start(port);
    },
    pause: () => program.signal("SIGSTOP"),
    resume: () => program.signal("SIGCONT"),
    async stop() {
      // A frozen server would not hear the polite signal.
      program.signal("SIGCONT");
      await program.end("SIGTERM");
    },
  };
}

/** Asks a server one thing, over a connection that does not try again. */
export async function askRedis<Answer>(url: string, question: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  const redis = new Redis(url, { retryStrategy: () => null, lazyConnect: true, maxRetriesPerRequest: 0 });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    return await question(redis);
  } finally {
    redis.disconnect();
  }
}

/**
 * Has a primary refuse to write, and waits until its replicas have all that it ever confirmed. Replication lags behind:
 * a primary that is killed without this may take with it what it confirmed in its last moment.
 */
export async function settleReplicas(url: string): Promise<void> {
  await askRedis(url, (redis) => redis.call("CLIENT", "PAUSE", 10_000, "WRITE"));
  await eventually("the replicas to be in step", async () => {
    const info = await askRedis(url, (redis) => redis.info("replication"));
    const offset = /master_repl_offset:(\d+)/.exec(info)?.[1];
    return [...info.matchAll(/^slave\d+:.*offset=(\d+)/gm)].every(([, reached]) => reached === offset);
  });
}

/** Between the choice of a free port and its use somebody else may take it: then another is chosen. */
async function startOnFreePort(start: (port: number) => Promise<Program>): Promise<[number, Program]> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return [port, await start(port)];
    } catch (error) {
      if (attempt === 3 || !String(error).includes("Address already in use")) throw error;
    }
  }
}

function serverArguments(port: number, directory: string, options: RedisOptions): readonly string[] {
  const { password, users = [], appendonly = false, args = [] } = options;
  return [
    ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--save", ""],
    appendonly === false ? [] : ["--appendonly", "yes", "--appendfsync", appendonly === true ? "always" : appendonly],
    password === undefined ? [] : ["--requirepass", password],
    users.flatMap((user) => ["--user", ...user.split(" ")]),
    args,
  ].flat();
}
