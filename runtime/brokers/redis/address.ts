/** Where Redis is, read from what a person wrote: one server, a primary that sentinels watch, or a cluster. */
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { RedisOptions } from "ioredis";
import { InvalidOptionError } from "../../vocabulary/errors.js";
import { maskUrl } from "../../support/given-options.js";
import { checkTls } from "../../support/tls.js";
import { ClusterNodes, nodeName, type RedisNode } from "./nodes.js";

/** ioredis options that Callboard sets itself: they decide what is promised. */
const OWN_OPTIONS = [
  "autoResendUnfulfilledCommands",
  "autoResubscribe",
  "connectionName",
  "connectTimeout",
  "enableAutoPipelining",
  "enableOfflineQueue",
  "keyPrefix",
  "lazyConnect",
  "maxRetriesPerRequest",
  "reconnectOnError",
  "replyMapping",
  "retryStrategy",
  "sentinelRetryStrategy",
  "socketTimeout",
  "stringNumbers",
] as const;

/**
 * What ioredis takes to reach a server, but for what Callboard sets itself: `{ host, port, username, password, db, tls }`;
 * or `{ sentinels: [{ host, port }], name }` for the primary that sentinels watch under this name.
 */
export type RedisTarget = Omit<RedisOptions, (typeof OWN_OPTIONS)[number]>;

/** What names one server, and so has no meaning for a cluster. */
const SERVER_OPTIONS = ["db", "host", "name", "path", "port", "role", "sentinels"] as const;

/** A Redis Cluster: some of its nodes, and what ioredis takes to reach each of them. */
export interface RedisClusterTarget extends Omit<RedisTarget, (typeof SERVER_OPTIONS)[number]> {
  /**
   * Some nodes, each as a URL or by host and port; the others are found by asking these. A login and `rediss:` in a URL
   * hold for every node.
   */
  readonly cluster: readonly (string | RedisNode)[];
}

/** Where Redis is and how to log in. */
export interface RedisAddress {
  /** What ioredis takes; for a cluster, to reach each node. */
  readonly options: RedisTarget;
  /** The nodes that are known, where it is a cluster. */
  readonly cluster?: ClusterNodes;
  /** For people: never a password. */
  readonly name: string;
}

/** Reads a `redis:` or `rediss:` URL, ioredis options, or a cluster's. `tls` goes with a URL. */
export function redisAddress(
  target: string | RedisTarget | RedisClusterTarget,
  tlsOptions?: ConnectionOptions,
): RedisAddress {
  if (typeof target === "string") return urlAddress(target, tlsOptions);
  if (tlsOptions !== undefined) {
    throw new InvalidOptionError('Beside a URL, "tls" is an option; here it belongs into the ioredis options.');
  }
  if (target.tls !== undefined) checkTls(target.tls);
  const own = OWN_OPTIONS.filter((name) => name in target);
  if (own.length > 0) {
    throw new InvalidOptionError(
      `Callboard sets ${own.join(", ")} of ioredis itself: leave ${own.length > 1 ? "them" : "it"} out.`,
    );
  }
  return "cluster" in target ? clusterAddress(target) : serverAddress(target);
}

function urlAddress(target: string, tlsOptions: ConnectionOptions | undefined): RedisAddress {
  const { host, port, db, tls, ...login } = parseUrl(target);
  const name = `redis ${host}:${port}/${db}`;
  if (tls === undefined) {
    if (tlsOptions === undefined) return { options: { host, port, db, ...login }, name };
    throw new InvalidOptionError(`${maskUrl(target)} is not encrypted: with "tls", write rediss://.`);
  }
  const given = { ...tls, ...tlsOptions };
  checkTls(given);
  return { options: { host, port, db, ...login, tls: given }, name };
}

function serverAddress(target: RedisTarget): RedisAddress {
  const { host = "localhost", port = 6379, db = 0, sentinels, name, role } = target;
  if (sentinels === undefined) return { options: target, name: `redis ${target.path ?? `${host}:${port}`}/${db}` };
  if (sentinels.length === 0) throw new InvalidOptionError('"sentinels" is empty: name one at least.');
  if (name === undefined) {
    throw new InvalidOptionError('"name" is missing: under which name do the sentinels watch the primary?');
  }
  if (role === "slave") throw new InvalidOptionError('"role" must be "master": nothing can be written to a replica.');
  const places = sentinels.map((each) => ({ host: each.host ?? "localhost", port: each.port ?? 26379 }));
  return { options: target, name: `redis ${name}/${db} (by sentinel ${list(places)})` };
}

function clusterAddress({ cluster, ...options }: RedisClusterTarget): RedisAddress {
  const misplaced = SERVER_OPTIONS.filter((name) => name in options);
  if (misplaced.length > 0) {
    throw new InvalidOptionError(`A cluster takes no ${misplaced.join(", ")}: "cluster" names its nodes.`);
  }
  if (cluster.length === 0) throw new InvalidOptionError('"cluster" is empty: name one of its nodes at least.');
  const nodes = cluster.map((node) => (typeof node === "string" ? parseClusterUrl(node) : { node, login: {} }));
  const [first, ...others] = nodes.filter((_, i) => typeof cluster[i] === "string").map(({ login }) => login);
  if (others.some((login) => JSON.stringify(login) !== JSON.stringify(first))) {
    throw new InvalidOptionError("The nodes of a cluster share one login, and all of them use TLS or none does.");
  }
  const seeds = nodes.map(({ node }) => node);
  return {
    options: { ...first, ...options },
    cluster: new ClusterNodes(seeds),
    name: `redis cluster ${list(seeds)}`,
  };
}

function list([first, ...others]: readonly RedisNode[]): string {
  const name = first === undefined ? "" : nodeName(first);
  return others.length === 0 ? name : `${name} and ${others.length} more`;
}

/** How to get in: equal for all nodes of a cluster. */
interface Login {
  readonly username?: string;
  readonly password?: string;
  readonly tls?: { readonly servername?: string };
}

interface ParsedUrl extends Login {
  readonly host: string;
  readonly port: number;
  readonly db: number;
}

function parseClusterUrl(target: string): { readonly node: RedisNode; readonly login: Login } {
  const { host, port, db, tls, ...login } = parseUrl(target);
  if (db !== 0) throw new InvalidOptionError(`${maskUrl(target)} is wrong: a cluster has no database but 0.`);
  // Each node is checked by its own name.
  return { node: { host, port }, login: tls === undefined ? login : { ...login, tls: {} } };
}

function parseUrl(target: string): ParsedUrl {
  const refuse = (why: string) => new InvalidOptionError(`${maskUrl(target)} ${why}`);
  let url: URL;
  let login: Login;
  try {
    url = new URL(target);
    login = {
      ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
      ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    };
  } catch {
    // What was thrown holds the URL, and so the password.
    throw refuse(
      "is no URL. Write redis://host:port, or rediss:// for TLS; in a password, write @ : / % as %40 %3A %2F %25.",
    );
  }
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw refuse('is no Redis URL: it must begin with "redis:" or "rediss:".');
  }
  if (!/^\/?\d*$/.test(url.pathname))
    throw refuse("is wrong: the path of a Redis URL is the number of a database, such as /0.");
  if (url.search !== "") throw refuse("is wrong: a Redis URL takes no parameters here; give ioredis options instead.");
  const host = url.hostname === "" ? "localhost" : url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? 6379 : Number(url.port);
  const db = Number(url.pathname.slice(1));
  // An address has no name that TLS could ask for; the certificate is held against the address itself.
  const named = isIP(host) === 0 ? { servername: host } : {};
  const tls = url.protocol === "rediss:" ? { tls: named } : {};
  return { host, port, db, ...login, ...tls };
}
