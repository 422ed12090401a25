/** The users that a Redis server needs for Callboard, each with the least rights. */
import type { Role, ServerUser } from "../../seams/rights.js";
import { checkPrefix } from "./keys.js";

/** What one role may do. */
interface Rights {
  /** What follows the prefix in the keys that it may touch. */
  readonly keys: readonly string[];
  /** What follows the prefix in the channels that it may publish to or listen on. */
  readonly channels: readonly string[];
  /** Every command that it sends, or that a script sends for it. */
  readonly commands: readonly string[];
}

/**
 * Every connection: ioredis greets the server, names itself, and asks whether it is loaded and who serves what; while a slot
 * moves, the node that it moves to.
 */
const CONNECTION = ["ping", "info", "select", "client|setname", "cluster|slots", "cluster|info", "asking"];
/** Every script, and waking a consumer from one. */
const SCRIPTS = ["evalsha", "eval", "time", "zrandmember", "zrem", "publish"];
const LISTENING = ["subscribe", "unsubscribe"];

/** Which queues are used. */
const QUEUES = ":queues";
/** Which limits are seen to. */
const LIMITS = ":limits";

const WAKE = ":{*}:wake:*";
const REPLY = ":reply:*";
const CANCEL = ":{*}:cancel";
const NEWS = ":{*}:news";
/** Who waits for a slot of a limit, or at a barrier, is told. */
const FREED = ":{*}:freed";
const COMPLETE = ":{*}:complete";

/** Schedules, and the channel on which workers are told of those made at run time. */
const SCHEDULES = ":{*}:schedules";
const RESCHEDULED = ":{*}:schedules:changed";

const roles: Readonly<Record<Role, Rights>> = {
  producer: {
    keys: [
      // A message is handed to a worker that waits: into what it holds, while its lease lasts.
      ...[":{*}:ready:*", ":{*}:delayed", ":{*}:idle", ":{*}:running:*", ":{*}:leases"],
      ...[":{*}:claim:*", ":{*}:replaced", SCHEDULES, `${SCHEDULES}:*`],
      // One that is cancelled is looked for among what workers hold.
      ...[":{*}:cancelled", ":{*}:cancels", ":{*}:consumers", ":{*}:dead:index"],
      ...[":{*}:suspects:running:*", ":{*}:suspects:leases", ":{*}:suspects:consumers"],
      ...[":{*}:result", ":{*}:state", ":{*}:status", ":{*}:progress", ":{*}:nodes", QUEUES],
    ],
    channels: [WAKE, REPLY, CANCEL, NEWS, RESCHEDULED],
    commands: [
      ...["exists", "lpush", "zadd", "zrange", "zcard", "zscore", "hset", "hsetnx", "hincrby", "hgetall", "hdel"],
      ...["get", "getex", "mget", "pttl", "pexpire", "zremrangebyscore"],
      ...["hmget", "hget", "hkeys", "hvals", "smembers", "zrangebyscore", "set", "del"],
      ...LISTENING,
    ],
  },
  worker: {
    keys: [":{*}:*", QUEUES, LIMITS],
    channels: [WAKE, REPLY, CANCEL, NEWS, FREED, COMPLETE, RESCHEDULED],
    commands: [
      ...["exists", "lpush", "rpush", "rpop", "llen"],
      ...["hget", "hgetall", "hmget", "hset", "hsetnx", "hincrby", "hdel", "hkeys", "hvals", "hexists"],
      ...["zadd", "zrange", "zrangebyscore", "zremrangebyscore", "zscore", "zcard"],
      ...["sadd", "srem", "smembers"],
      ...["get", "getex", "set", "del", "pttl", "pexpire"],
      ...LISTENING,
    ],
  },
  operator: {
    keys: [
      // To count what waits, is held back and is in hand.
      ...[":{*}:ready:*", ":{*}:delayed", ":{*}:consumers", ":{*}:running:*", ":{*}:suspects:*", ":{*}:idle"],
      ...[":{*}:dead", ":{*}:dead:index", ":{*}:paused", ":{*}:parked", ":{:workers}:*", QUEUES],
      ...[SCHEDULES, `${SCHEDULES}:ticks`],
    ],
    channels: [WAKE],
    commands: [
      ...["hget", "hgetall", "hmget", "hlen", "hsetnx", "hdel"],
      ...["zrange", "zrevrangebyscore", "zmscore", "zcard"],
      ...["llen", "lindex", "lpush", "smembers", "set", "del", "unlink"],
    ],
  },
};

/** A Redis user with the least rights. */
export interface RedisUser extends ServerUser {
  readonly keys: readonly string[];
  readonly channels: readonly string[];
  /** A command's name, or `name|subcommand`. */
  readonly commands: readonly string[];
}

/** The users for one prefix, as `ACL SETUSER` makes them. A new one is off and has no password. */
export function redisUsers(givenPrefix?: string): readonly RedisUser[] {
  const prefix = checkPrefix(givenPrefix);
  return Object.entries(roles).map(([role, rights]) => {
    const name = `${prefix}-${role}`;
    const keys = rights.keys.map((key) => prefix + key);
    const channels = rights.channels.map((channel) => prefix + channel);
    const commands = [...CONNECTION, ...SCRIPTS, ...rights.commands];
    const rules = [
      ...["resetkeys", ...keys.map((key) => `~${key}`)],
      ...["resetchannels", ...channels.map((channel) => `&${channel}`)],
      ...["-@all", ...commands.map((each) => `+${each}`)],
    ];
    return { role: role as Role, name, keys, channels, commands, command: `ACL SETUSER ${name} ${rules.join(" ")}` };
  });
}
