/** Private RabbitMQ nodes for tests: to use, to kill and to bring back. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { requireProgram, type Requirement } from "./install.js";
import { answers, freePort, serverDirectory, startProgram, type Program } from "./program.js";

/** How a private RabbitMQ node differs from the plainest one. */
export interface RabbitmqOptions {
  /** Further lines of its `rabbitmq.conf`. */
  readonly config?: readonly string[];
  /** A node whose cluster it joins. */
  readonly join?: RabbitmqServer;
  /** Further arguments of its Erlang runtime, such as `-rabbit quorum_tick_interval 500`. */
  readonly args?: readonly string[];
}

/** What the nodes of one cluster share. */
interface Realm {
  /** The home directory, in which the secret lies by which they know each other. */
  readonly home: string;
  /** The port on which they find each other. */
  readonly mapperPort: number;
}

/** A private RabbitMQ node. It ends with the test run at the latest. */
export interface RabbitmqServer {
  /** Its name among the nodes of its cluster. */
  readonly node: string;
  readonly realm: Realm;
  /** The node's address, with its default user. */
  readonly url: string;
  readonly port: number;
  /** Runs `rabbitmqctl` against the node and resolves to what it prints. */
  ctl(...args: readonly string[]): Promise<string>;
  /** Has the node write to disk at once which queues, exchanges and users there are. */
  flush(): Promise<void>;
  /**
   * Kills it like a power cut: SIGKILL, and waits until it is gone. A queue that was declared in the last seconds is
   * then lost even if it is durable, as RabbitMQ writes it late: `flush()` before, where that matters.
   */
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

const SCRIPTS = "/usr/lib/rabbitmq/bin";

// The script in /usr/sbin switches to another user; the one in /usr/lib runs as the caller.
const rabbitmqServer: Requirement = { program: "rabbitmq-server", package: "rabbitmq-server", folders: [SCRIPTS] };
const rabbitmqctl: Requirement = { program: "rabbitmqctl", package: "rabbitmq-server", folders: [SCRIPTS] };
const portMapper: Requirement = { program: "epmd", package: "erlang-base" };

/** Makes sure that `startRabbitmq` can work here. */
export async function requireRabbitmq(): Promise<void> {
  for (const requirement of [rabbitmqServer, rabbitmqctl, portMapper]) await requireProgram(requirement);
}

/** Starts a RabbitMQ node of one's own on free ports, with directories of its own. It takes 5 to 10 seconds. */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RabbitmqServer> {
  await requireRabbitmq();
  const directory = serverDirectory("rabbitmq");
  const [port, distributionPort] = [await freePort(), await freePort()];
  const realm = options.join?.realm ?? { home: join(directory, "home"), mapperPort: await freePort() };
  const env = environment(directory, { port, distributionPort, ...realm }, options.args ?? []);
  mkdirSync(realm.home, { recursive: true });
  writeFileSync(join(directory, "enabled_plugins"), "[].\n");
  writeFileSync(join(directory, "rabbitmq.conf"), (options.config ?? []).map((line) => `${line}\n`).join(""));
  writeFileSync(join(directory, "rabbitmq-env.conf"), "");

  // A node starts a port mapper where there is none, and leaves it behind. One of our own ends with the node.
  const mapper = options.join === undefined ? await startMapper(realm, env, directory) : undefined;
  const start = async () =>
    startProgram({
      name: "rabbitmq-server",
      command: await requireProgram(rabbitmqServer),
      args: [],
      env,
      directory,
      ready: () => answers(port, { greeting: "AMQP\0\0\x09\x01" }),
      timeout: 60_000,
    });

  const ctl = async (...args: readonly string[]) => {
    const { stdout } = await promisify(execFile)(await requireProgram(rabbitmqctl), ["--quiet", ...args], { env });
    return stdout.trim();
  };

  let node = await start();
  if (options.join !== undefined) {
    await ctl("stop_app");
    await ctl("join_cluster", options.join.node);
    await ctl("start_app");
  }
  return {
    node: nodeName(port),
    realm,
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    port,
    ctl,
    flush: async () => void (await ctl("eval", "mnesia:sync_log().")),
    kill: () => node.end("SIGKILL"),
    async restart() {
      await node.end("SIGKILL");
      node = await start();
    },
    pause: () => node.signal("SIGSTOP"),
    resume: () => node.signal("SIGCONT"),
    async stop() {
      // Nobody needs the node's data any more, and an orderly end takes seconds.
      await node.end("SIGKILL");
      await mapper?.end("SIGTERM");
    },
  };
}

async function startMapper({ mapperPort }: Realm, env: NodeJS.ProcessEnv, directory: string): Promise<Program> {
  return startProgram({
    name: "epmd",
    command: await requireProgram(portMapper),
    args: ["-port", String(mapperPort), "-address", "127.0.0.1"],
    env,
    directory,
    ready: () => answers(mapperPort),
    timeout: 10_000,
  });
}

function nodeName(port: number): string {
  return `callboard-${port}@localhost`;
}

interface Place extends Realm {
  readonly port: number;
  readonly distributionPort: number;
}

function environment(
  directory: string,
  { port, distributionPort, home, mapperPort }: Place,
  args: readonly string[],
): NodeJS.ProcessEnv {
  return {
    ...process.env,
    HOME: home,
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: String(mapperPort),
    RABBITMQ_NODENAME: nodeName(port),
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(directory, "data"),
    RABBITMQ_LOG_BASE: join(directory, "log"),
    RABBITMQ_PID_FILE: join(directory, "pid"),
    RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq.conf"),
    RABBITMQ_CONF_ENV_FILE: join(directory, "rabbitmq-env.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "enabled_plugins"),
    // With this the start script becomes the node instead of standing between us and it.
    RUNNING_UNDER_SYSTEMD: "true",
    // Idle schedulers sleep instead of spinning.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: ["+sbwt none +sbwtdcpu none +sbwtdio none", ...args].join(" "),
  };
}
