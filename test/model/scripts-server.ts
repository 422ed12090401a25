/** The scripts themselves, on a server that nobody else uses. */
import { Redis } from "ioredis";
import { expect } from "vitest";
import { queueKeys, type LaneKeys } from "../../runtime/brokers/redis/keys.js";
import { scripts } from "../../runtime/brokers/redis/scripts.js";
import { HOUR, type Delayed, type Message } from "./queue.js";
import { RedisHours } from "./redis-hours.js";
import { RedisKeys } from "./redis-keys.js";
import {
  byConsumer,
  CANCEL_HOURS,
  DEAD_LETTER_HOURS,
  LEASE_HOURS,
  SUSPECT_CRASHES,
  takesSuspects,
  type Held,
  type QueueScripts,
  type Swept,
  type ScriptsState,
  type Take,
  type TakeAnswer,
  type Word,
} from "./scripts.js";

const keys = queueKeys("model", "work");

/** The lane from which a consumer takes. */
function laneOf(consumer: string): LaneKeys {
  return takesSuspects(consumer) ? keys.suspects : keys;
}

export class ScriptsServer implements QueueScripts {
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  #contents: RedisKeys | undefined;
  #words: Word[] = [];
  /** Every version that there was of what is cancelled, the oldest first. */
  #versions = [0];

  constructor(url: string) {
    this.#redis = new Redis(url);
    this.#subscriber = new Redis(url);
    this.#subscriber.on("message", (channel: string, text: string) => {
      this.#words.push({ consumer: channel.slice(channel.lastIndexOf(":") + 1), text });
    });
  }

  /** Begins anew, with nothing on the server. */
  async reset(): Promise<void> {
    await this.#subscriber.unsubscribe();
    await this.#redis.flushall();
    this.#words = [];
    this.#versions = [0];
    this.#contents = new RedisKeys(this.#redis, await RedisHours.begin(this.#redis), keys);
  }

  close(): void {
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }

  /** Reads all that there is; what was told is told once. */
  async state(): Promise<ScriptsState> {
    // What was published before comes before this answer.
    await this.#subscriber.ping();
    const words = this.#words.splice(0).sort(byConsumer);
    await this.pass(0);
    return { ...(await this.#keys.read()), words };
  }

  async publish({ priority, body }: Message): Promise<void> {
    await scripts.publish.run(this.#redis, [keys.ready(priority), keys.idle, keys.leases], [body, priority]);
  }

  async push(priority: number, bodies: readonly string[]): Promise<void> {
    await this.#redis.lpush(keys.ready(priority), ...bodies);
    await scripts.wake.run(this.#redis, [keys.idle], []);
  }

  async delay(messages: readonly Delayed[]): Promise<void> {
    const args = messages.flatMap(({ hours, priority, body }) => [hours * HOUR, 9 - priority, body]);
    await scripts.delay.run(this.#redis, [keys.delayed, keys.idle], args);
  }

  async take({ consumer, want, first, call, acks }: Take): Promise<TakeAnswer> {
    const lane = laneOf(consumer);
    const { leases, consumers, delayed, idle, allReady, paused, cancels } = lane;
    const reply = await scripts.take.run(
      this.#redis,
      [lane.running(consumer), leases, consumers, delayed, idle, ...allReady, paused, cancels],
      [consumer, LEASE_HOURS * HOUR, want, first, lane.wake(consumer), call, ...runsOf(acks)],
    );
    if (reply[0] === "lost") return reply;
    const [due, idleNow, told, version, ...others] = reply;
    return [due === -1 ? due : Math.ceil(due / HOUR), idleNow, told, this.#versions.indexOf(version), ...others];
  }

  async cancel(ids: readonly string[]): Promise<readonly number[]> {
    const { cancelled, cancels, deadIndex, leases, consumers, cancel, running, suspects } = keys;
    const found = await scripts.cancel.run(
      this.#redis,
      [cancelled, cancels, deadIndex, leases, consumers, suspects.leases, suspects.consumers],
      [cancel, running(""), suspects.running(""), ...ids.flatMap((id) => [id, CANCEL_HOURS * HOUR])],
    );
    const [version, , ...idsAndExpiries] = await scripts.cancelled.run(
      this.#redis,
      [cancelled, cancels],
      [this.#versions.at(-1) ?? 0],
    );
    if (version > (this.#versions.at(-1) ?? 0)) {
      this.#versions.push(version);
      // Whoever knew the version before learns of all that were cancelled now.
      const learnt = new Set(idsAndExpiries.filter((_, i) => i % 2 === 0));
      expect(learnt).toEqual(new Set(ids.filter((_, i) => found[i] !== 0)));
    }
    return found;
  }

  retry({ consumer, field }: Held, next: Delayed): Promise<number> {
    const { hours, priority, body } = next;
    const lane = laneOf(consumer);
    return scripts.retry.run(
      this.#redis,
      [lane.running(consumer), lane.delayed, lane.ready(priority), lane.idle],
      [field, hours * HOUR, 9 - priority, body],
    );
  }

  reject({ consumer, field }: Held, id: string, letter: string): Promise<number> {
    return scripts.reject.run(
      this.#redis,
      [laneOf(consumer).running(consumer), keys.dead, keys.deadIndex],
      [field, id, letter],
    );
  }

  release({ consumer, field }: Held): Promise<number> {
    const { running, idle, allReady } = laneOf(consumer);
    return scripts.release.run(this.#redis, [running(consumer), idle, ...allReady], [field]);
  }

  reconcile(consumer: string, known: readonly number[]): Promise<number> {
    const { running, idle, allReady, wake } = laneOf(consumer);
    return scripts.reconcile.run(this.#redis, [running(consumer), idle, ...allReady], [wake(consumer), ...known]);
  }

  leave(consumer: string): Promise<number> {
    const { running, leases, consumers, idle, allReady, wake } = laneOf(consumer);
    return scripts.leave.run(
      this.#redis,
      [running(consumer), leases, consumers, idle, ...allReady],
      [consumer, wake(consumer)],
    );
  }

  passOn(consumer: string): Promise<number> {
    const { idle, wake } = laneOf(consumer);
    return scripts.passOn.run(this.#redis, [idle], [wake(consumer)]);
  }

  async sweep(): Promise<Swept> {
    const { dead, deadIndex, leases, consumers, suspects } = keys;
    const [waiting, gone, ofSuspects] = await scripts.sweep.run(
      this.#redis,
      [
        ...[dead, deadIndex, leases, consumers],
        ...[suspects.leases, suspects.consumers, suspects.delayed, ...suspects.allReady],
      ],
      [DEAD_LETTER_HOURS * HOUR],
    );
    return [waiting, gone.toSorted(), ofSuspects.toSorted()];
  }

  reap(consumer: string): Promise<number> {
    const { running, leases, consumers, idle, allReady, wake } = laneOf(consumer);
    return scripts.reap.run(
      this.#redis,
      [
        ...[running(consumer), leases, consumers, idle, ...allReady],
        ...[keys.suspects.idle, ...keys.suspects.allReady],
      ],
      [consumer, wake(consumer), SUSPECT_CRASHES],
    );
  }

  replay(id: string, { priority, body }: Message): Promise<number> {
    return scripts.replay.run(this.#redis, [keys.dead, keys.deadIndex, keys.ready(priority), keys.idle], [id, body]);
  }

  async purge(): Promise<void> {
    await this.#redis.unlink(keys.dead, keys.deadIndex);
  }

  async pass(hours: number): Promise<void> {
    await Promise.all([this.#keys.pass(hours), this.#keys.passForLeases(hours)]);
  }

  async lose(key: "leases" | "consumers"): Promise<void> {
    await this.#redis.del(keys[key]);
  }

  async listen(consumer: string, listening: boolean): Promise<void> {
    const channel = laneOf(consumer).wake(consumer);
    if (listening) await this.#subscriber.subscribe(channel);
    else await this.#subscriber.unsubscribe(channel);
  }

  get #keys(): RedisKeys {
    if (this.#contents === undefined) throw new Error("reset() comes first");
    return this.#contents;
  }
}

/** Acks as `take` is told them: the first and the last field of each run of neighbours, which are ten apart. */
function runsOf(acks: readonly number[]): readonly number[] {
  return acks.flatMap((field) => [
    ...(acks.includes(field - 10) ? [] : [field]),
    ...(acks.includes(field + 10) ? [] : [field]),
  ]);
}
