/** Every key and channel that the Redis broker uses, each built by one function. A queue's keys share one hash slot. */
import { InvalidOptionError } from "../../vocabulary/errors.js";

/** The prefix of every key, `callboard` where none is given. Refuses what would mean something else in a key or a pattern. */
export function checkPrefix(prefix = "callboard"): string {
  if (/^[\w.:-]+$/.test(prefix)) return prefix;
  throw new InvalidOptionError(`"prefix" may hold letters, digits and . : _ -; it is ${JSON.stringify(prefix)}.`);
}

/** The keys of one lane: what waits there, and who takes from it. */
export interface LaneKeys {
  /** LIST of bodies, one for each priority 0 to 9: new ones come in on the left, the next one is on the right. */
  readonly ready: (priority: number) => string;
  /** All ten, priority 9 first, as the scripts take them. */
  readonly allReady: readonly string[];
  /** ZSET of bodies held back. The score is `due × 10 + (9 - priority)`: by time, then by priority. */
  readonly delayed: string;
  /** HASH of what one consumer holds: `<sequence>:<priority>` to body. */
  readonly running: (consumer: string) => string;
  /** ZSET of consumers by the time their lease ends. */
  readonly leases: string;
  /** SET of all consumers, so that one without a lease is found as well. */
  readonly consumers: string;
  /** ZSET of the wake channels of consumers that found the queue empty, by the sequence number that each keeps free. */
  readonly idle: string;
  /** STRING that is there while the queue is paused. */
  readonly paused: string;
  /** HASH of the queue's dead letters by id. */
  readonly dead: string;
  /** ZSET of dead letters' ids by the time they died. */
  readonly deadIndex: string;
  /** ZSET of cancelled messages' ids by the version that the queue had then; the present one under no id at all. */
  readonly cancels: string;
  /** Channel on which one consumer is told that there is something to take. */
  readonly wake: (consumer: string) => string;
}

/** The keys of one queue. */
export interface QueueKeys extends LaneKeys {
  /** The lane of messages that were in the hands of several workers which died: each is handled alone. */
  readonly suspects: LaneKeys;
  /** HASH: the id of the message that has this key, when it is due, and its number where it has one. */
  readonly claim: (key: string) => string;
  /** ZSET of messages whose place others took, by the time until which that is known. */
  readonly replaced: string;
  /** ZSET of cancelled messages' ids by the time until which they are remembered. */
  readonly cancelled: string;
  /** Channel on which the workers of the queue learn what is cancelled. */
  readonly cancel: string;
}

export function queueKeys(prefix: string, queue: string): QueueKeys {
  const base = `${prefix}:{${queue}}`;
  return {
    ...laneKeys(base, base),
    suspects: laneKeys(`${base}:suspects`, base),
    claim: (key) => `${base}:claim:${key}`,
    replaced: `${base}:replaced`,
    cancelled: `${base}:cancelled`,
    cancel: `${base}:cancel`,
  };
}

function laneKeys(base: string, queue: string): LaneKeys {
  const ready = (priority: number) => `${base}:ready:${priority}`;
  return {
    ready,
    allReady: [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map(ready),
    delayed: `${base}:delayed`,
    running: (consumer) => `${base}:running:${consumer}`,
    leases: `${base}:leases`,
    consumers: `${base}:consumers`,
    idle: `${base}:idle`,
    paused: `${queue}:paused`,
    dead: `${queue}:dead`,
    deadIndex: `${queue}:dead:index`,
    cancels: `${queue}:cancels`,
    wake: (consumer) => `${base}:wake:${consumer}`,
  };
}

/** The keys of one message's result: they share a slot of their own. */
export interface ResultKeys {
  /** STRING: the stored result, as JSON; before there is one, the reply channels of those who asked for it. */
  readonly result: string;
  /** STRING: what is known before there is a result, as JSON. */
  readonly state: string;
}

export function resultKeys(prefix: string, id: string): ResultKeys {
  const base = `${prefix}:{${id}}`;
  return { result: `${base}:result`, state: `${base}:state` };
}

/** HASH: one flow, with all that happened to it. */
export function flowKey(prefix: string, id: string): string {
  return `${prefix}:{flow:${id}}:nodes`;
}

/** The keys of what is known of one message: they share a slot with its result. */
export interface RecordKeys {
  /** STRING: how it stands, as JSON. */
  readonly status: string;
  /** STRING: how far it is, as JSON. */
  readonly progress: string;
  /** Channel on which those who follow it are told: `status <JSON>` or `progress <JSON>`. */
  readonly news: string;
}

export function recordKeys(prefix: string, id: string): RecordKeys {
  const base = `${prefix}:{${id}}`;
  return { status: `${base}:status`, progress: `${base}:progress`, news: `${base}:news` };
}

/** Channel on which one process receives the results that it waits for. */
export function replyChannel(prefix: string, process: string): string {
  return `${prefix}:reply:${process}`;
}

/** ZSET of queues by the time they were last used. */
export function queuesKey(prefix: string): string {
  return `${prefix}:queues`;
}

/** HASH of what is paused: `queue <name>` or `actor <name>`, to since when. It shares the slot of the workers' keys. */
export function pausesKey(prefix: string): string {
  return `${prefix}:{:workers}:pauses`;
}

/** The keys of the registry of workers. They share a slot; no queue and no message has a colon in front. */
export interface WorkersKeys {
  /** HASH of what each worker says of itself, by its id. */
  readonly records: string;
  /** ZSET of workers' ids by the time they were last heard of. */
  readonly seen: string;
}

export function workersKeys(prefix: string): WorkersKeys {
  const base = `${prefix}:{:workers}`;
  return { records: `${base}:records`, seen: `${base}:seen` };
}

/** The keys of one scope of limits: all of them share a slot. Where a name takes a key or a line, "" is what they begin with. */
export interface LimitKeys {
  /** HASH of parked messages by id. */
  readonly parked: string;
  /** HASH by id of what is known of each, as JSON. */
  readonly records: string;
  /** ZSET of the lines of one limit, "c" or "r", in which somebody waits, by the time at which one may move. */
  readonly due: (limit: string) => string;
  /** ZSET of called messages that are not published as far as is known, by the time until which their place is kept. */
  readonly calls: string;
  /** ZSET of ids by their turns. */
  readonly line: (line: string) => string;
  /** ZSET of ids by the time until which a place is kept for them. */
  readonly kept: (line: string) => string;
  /** ZSET of tokens by the time at which their lease ends. */
  readonly slots: (key: string) => string;
  /** For a window a ZSET of tokens by the time of their start, for a bucket a STRING: the time at which it is full again. */
  readonly starts: (kind: "window" | "bucket", key: string) => string;
  /** Channel on which those are told who wait for a slot without a message. */
  readonly freed: string;
}

export function limitKeys(prefix: string, scope: string): LimitKeys {
  const base = `${prefix}:{limit:${scope}}`;
  return {
    parked: `${base}:parked`,
    records: `${base}:records`,
    due: (limit) => `${base}:due:${limit}`,
    calls: `${base}:calls`,
    line: (line) => `${base}:line:${line}`,
    kept: (line) => `${base}:kept:${line}`,
    slots: (key) => `${base}:slots:${key}`,
    starts: (kind, key) => `${base}:${kind}:${key}`,
    freed: `${base}:freed`,
  };
}

/** ZSET of scopes of limits by the time at which a worker last saw to them. */
export function limitScopesKey(prefix: string): string {
  return `${prefix}:limits`;
}

/** The keys of one barrier. */
export interface BarrierKeys {
  /** HASH of how many it takes, and of who is there. */
  readonly barrier: string;
  /** Channel on which those are told who wait for it. */
  readonly complete: string;
}

export function barrierKeys(prefix: string, key: string): BarrierKeys {
  const base = `${prefix}:{barrier:${key}}`;
  return { barrier: `${base}:barrier`, complete: `${base}:complete` };
}

/** The keys of a queue's schedules: they share its slot. */
export interface ScheduleKeys {
  /** HASH: which worker leads them, until when, and how often those made at run time have changed. */
  readonly lead: string;
  /** HASH: the last tick that was dealt with, by track. */
  readonly ticks: string;
  /** HASH: the schedules that were made at run time, by id. */
  readonly made: string;
  /** Channel on which workers are told that there are others. */
  readonly changed: string;
}

export function scheduleKeys(prefix: string, queue: string): ScheduleKeys {
  const base = `${prefix}:{${queue}}:schedules`;
  return { lead: `${base}:lead`, ticks: `${base}:ticks`, made: base, changed: `${base}:changed` };
}
