/** The registry of workers in Redis. A worker that waits for messages says that it is there when it looks for some. */
import { defaults } from "../../vocabulary/defaults.js";
import { fieldsOf } from "../../wire/json.js";
import type { Pause } from "../../seams/pauses.js";
import type { QueueLoad, SeenWorker, WorkerRecord, WorkerRegistry } from "../../seams/registry.js";
import type { RedisConnection } from "./connection.js";
import { pausesKey, workersKeys, type WorkersKeys } from "./keys.js";
import { readPauses } from "./pauses.js";
import { scripts } from "./scripts.js";

/** A heartbeat as `beat.lua` takes it. */
export interface Beat {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

/** Has a heartbeat travel with something that is to be asked anyhow; `undefined` where nothing is. */
export type Carry = (beat: Beat) => Promise<readonly string[]> | undefined;

export class RedisWorkers implements WorkerRegistry {
  readonly #keys: WorkersKeys;
  readonly #pauses: string;
  readonly #connection: RedisConnection;
  readonly #carry: Carry;
  /** The last heartbeat was taken: one that is refused must not cost what it travels with. */
  #isTaken = false;

  constructor(prefix: string, connection: RedisConnection, carry: Carry = () => undefined) {
    this.#keys = workersKeys(prefix);
    this.#pauses = pausesKey(prefix);
    this.#connection = connection;
    this.#carry = carry;
  }

  async beat(record: WorkerRecord): Promise<readonly Pause[]> {
    const { records, seen } = this.#keys;
    const keys = [records, seen, this.#pauses];
    const args = [record.id, JSON.stringify(record), defaults.worker.absence];
    const carried = this.#isTaken ? this.#carry({ keys, args }) : undefined;
    this.#isTaken = false;
    const paused = await (carried ?? this.#connection.run(scripts.beat, keys, args));
    this.#isTaken = true;
    return readPauses(paused.flatMap((field, i) => (i % 2 === 0 ? [[field, paused[i + 1] ?? ""] as const] : [])));
  }

  async leave(id: string): Promise<void> {
    const { records, seen } = this.#keys;
    await this.#connection.command((redis) => Promise.all([redis.hdel(records, id), redis.zrem(seen, id)]));
  }

  async list(): Promise<readonly SeenWorker[]> {
    const { records, seen } = this.#keys;
    const [known, times, [seconds, microseconds]] = await this.#connection.command((redis) =>
      Promise.all([redis.hgetall(records), redis.zrange(seen, 0, "-1", "WITHSCORES"), redis.time()]),
    );
    const now = Number(seconds) * 1000 + Number(microseconds) / 1000;
    return Object.entries(known).flatMap(([id, json]) => {
      const score = times[times.indexOf(id) + 1];
      const record = read(json);
      if (record === undefined || score === undefined) return [];
      const seenAt = Number(score);
      return [{ ...record, id, seenAt, silence: Math.max(0, Math.round(now - seenAt)) }];
    });
  }
}

/** What a worker said of itself; `undefined` where a foreign program wrote it. */
function read(json: string): Omit<WorkerRecord, "id"> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  const { host, pid, uptime, concurrency, queues, actors } = fieldsOf(value);
  if (typeof host !== "string" || !isNumber(pid) || !isNumber(uptime) || !isNumber(concurrency)) return undefined;
  if (!Array.isArray(queues) || !queues.every(isLoad)) return undefined;
  const record = { host, pid, uptime, concurrency, queues };
  return Array.isArray(actors) && actors.every(isText) ? { ...record, actors } : record;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isLoad(value: unknown): value is QueueLoad {
  const { queue, running, rate } = fieldsOf(value);
  return typeof queue === "string" && isNumber(running) && isNumber(rate);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}
