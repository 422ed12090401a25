/** Where a Redis server is and how to log in, read from what a person wrote. */
import type { RedisOptions } from "ioredis";
import { InvalidOptionError } from "../../errors.js";
import { maskUrl } from "../../given-options.js";

/** Where a Redis server is and how to log in. */
export interface RedisAddress {
  readonly options: RedisTarget;
  /** For people: never a password. */
  readonly name: string;
}

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
  "socketTimeout",
  "stringNumbers",
] as const;

/** What ioredis takes to reach a server, but for what Callboard sets itself. */
export type RedisTarget = Omit<RedisOptions, (typeof OWN_OPTIONS)[number]>;

/** Reads a `redis:` or `rediss:` URL, or ioredis options. */
export function redisAddress(target: string | RedisTarget): RedisAddress {
  if (typeof target === "string") return parseUrl(target);
  const own = OWN_OPTIONS.filter((name) => name in target);
  if (own.length > 0) {
    throw new InvalidOptionError(
      `Callboard sets ${own.join(", ")} of ioredis itself: leave ${own.length > 1 ? "them" : "it"} out.`,
    );
  }
  const { host = "localhost", port = 6379, db = 0 } = target;
  return { options: target, name: `redis ${target.path ?? `${host}:${port}`}/${db}` };
}

function parseUrl(target: string): RedisAddress {
  const refuse = (why: string) => new InvalidOptionError(`${maskUrl(target)} ${why}`);
  let url: URL;
  let login: { readonly username?: string; readonly password?: string };
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
  const tls = url.protocol === "rediss:" ? { tls: { servername: host } } : {};
  return { options: { host, port, db, ...login, ...tls }, name: `redis ${host}:${port}/${db}` };
}
