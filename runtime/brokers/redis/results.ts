/** Results in Redis: kept under a key with a TTL, and pushed to whoever waits, over one connection for each process. */
import { randomUUID } from "node:crypto";
import { systemClock } from "../../support/clock.js";
import { BrokerRefusedError, BrokerUnavailableError, type PendingState } from "../../vocabulary/errors.js";
import type { MaybePromise } from "../../support/maybe.js";
import type { Answer } from "../../seams/broker.js";
import type { Awaited, OfferOptions, ResultStore, StoredResult, WaitOptions } from "../../seams/results.js";
import { readResult, readState, writeResult } from "../../wire/stored-result.js";
import type { RedisConnection } from "./connection.js";
import { replyChannel, resultKeys } from "./keys.js";
import { Outbox } from "./outbox.js";
import { Puts } from "./puts.js";
import { scripts } from "./scripts.js";
import type { RedisSubscriber } from "./subscriber.js";

/** How long one last look may take when the time is over, in milliseconds. */
const LAST_LOOK = 1000;
/** How long those who look again rest after the server could not answer, in milliseconds. */
const REST = 1000;

/** What stands in the place of a result begins so while somebody waits for it, as lib.lua has it. */
const WAITING = "waiting";

/** How many results one command carries. */
const LARGEST_BATCH = 100;

/** One who waits for a result. */
interface Waiter {
  readonly wake: (result: StoredResult) => void;
  readonly fail: (error: unknown) => void;
  /** How long it still waits, in milliseconds. */
  readonly left: () => number;
}

export class RedisResults implements ResultStore {
  readonly #prefix: string;
  readonly #connection: RedisConnection;
  readonly #subscriber: RedisSubscriber;
  readonly #channel: string;
  readonly #puts: Puts;
  readonly #outbox: Outbox<Answer>;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #listening: Promise<string> | undefined;
  /** The server knows. A connection that is lost and made again is told again by the subscriber. */
  #listens = false;

  constructor(prefix: string, connection: RedisConnection, subscriber: RedisSubscriber) {
    this.#prefix = prefix;
    this.#connection = connection;
    this.#subscriber = subscriber;
    this.#puts = new Puts(prefix);
    this.#channel = replyChannel(prefix, randomUUID());
    // In a cluster each result lies where its id sends it.
    this.#outbox = new Outbox(connection.clustered ? 1 : LARGEST_BATCH, (answers) => this.#put(answers));
  }

  /** Results of one event-loop turn travel in one command. */
  put(id: string, result: StoredResult, ttl: number, reply?: string): Promise<void> {
    try {
      const json = writeResult(result);
      return this.#outbox.add({ id, json, ttl, reply }, json.length);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  #put(answers: readonly Answer[]): Promise<unknown> {
    const keys: string[] = [];
    const args: (string | number)[] = [];
    for (const answer of answers) this.#puts.add(answer, keys, args);
    return this.#connection.run(scripts.putResults, keys, args);
  }

  async offer(
    id: string,
    result: StoredResult,
    ttl: number,
    { overFailure }: OfferOptions,
  ): Promise<StoredResult | undefined> {
    const { result: key } = resultKeys(this.#prefix, id);
    const args = [writeResult(result), ttl, id, overFailure ? "over" : ""];
    const there = await this.#connection.run(scripts.offerResult, [key], args);
    return there === null ? undefined : readResult(id, there);
  }

  async note(id: string, state: PendingState, ttl: number): Promise<void> {
    const { state: key } = resultKeys(this.#prefix, id);
    try {
      await this.#connection.redis.set(key, JSON.stringify(state), "PX", ttl);
    } catch (error) {
      throw this.#connection.translate(error);
    }
  }

  address(): MaybePromise<string> {
    if (this.#listens) return this.#channel;
    this.#listening ??= this.#listen();
    return this.#listening;
  }

  wait(id: string, { timeout, addressed, sent }: WaitOptions): Promise<Awaited> {
    return new Promise<Awaited>((resolve, reject) => {
      const deadline = systemClock.elapsed() + timeout;
      const end = () => {
        cancel();
        this.#forget(id, waiter);
      };
      const fail = (error: unknown) => {
        end();
        reject(error as Error);
      };
      const waiter: Waiter = {
        wake: (done) => {
          end();
          resolve({ done });
        },
        fail,
        left: () => Math.max(1, Math.ceil(deadline - systemClock.elapsed())),
      };
      const cancel = systemClock.after(timeout, () => {
        end();
        this.#atLast(id).then(resolve, reject);
      });
      sent?.catch(fail);
      this.#waiters.set(id, (this.#waiters.get(id) ?? new Set()).add(waiter));
      if (!addressed) this.#ask(id, waiter).catch(fail);
    });
  }

  /** Tells those who wait that the broker is closed. */
  end(error: Error): void {
    for (const waiters of [...this.#waiters.values()]) for (const waiter of [...waiters]) waiter.fail(error);
  }

  /** Takes a result that is there already, or asks the store to have this process told. */
  async #ask(id: string, waiter: Waiter): Promise<void> {
    const channel = await this.address();
    const { result } = resultKeys(this.#prefix, id);
    const json = await this.#connection.run(scripts.awaitResult, [result], [channel, waiter.left()]);
    if (json !== null) waiter.wake(readResult(id, json));
  }

  /** What there is when the time is over; a server that does not answer leaves it open. */
  async #atLast(id: string): Promise<Awaited> {
    const { result, state } = resultKeys(this.#prefix, id);
    const read = this.#connection.within(LAST_LOOK, this.#connection.redis.mget(result, state));
    const [done, known] = await read.catch((): (string | null)[] => []);
    if (done != null && !done.startsWith(WAITING)) return { done: readResult(id, done) };
    return { pending: known == null ? { state: "pending" } : readState(known) };
  }

  #forget(id: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(id);
  }

  async #listen(): Promise<string> {
    try {
      await this.#subscriber.subscribe(this.#channel, {
        message: (payload) => this.#receive(payload),
        resumed: () => this.#askAgain(),
      });
      this.#listens = true;
      return this.#channel;
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
  }

  /** A line for each message: its id and its result. */
  #receive(payload: string): void {
    for (const line of payload.split("\n")) {
      const space = line.indexOf(" ");
      const id = line.slice(0, space);
      for (const waiter of [...(this.#waiters.get(id) ?? [])]) {
        try {
          waiter.wake(readResult(id, line.slice(space + 1)));
        } catch (error) {
          waiter.fail(error);
        }
      }
    }
  }

  /** What was published while the connection was away is in the store. */
  #askAgain(): void {
    for (const [id, waiters] of this.#waiters) {
      for (const waiter of waiters) this.#lookAgain(id, waiter);
    }
  }

  /** An outage ends nobody's wait: it is tried again until the store answers. */
  #lookAgain(id: string, waiter: Waiter): void {
    const tryAgain = () => {
      if (this.#waiters.get(id)?.has(waiter)) this.#lookAgain(id, waiter);
    };
    this.#ask(id, waiter).catch((error: unknown) => {
      const passes = error instanceof BrokerUnavailableError || (error instanceof BrokerRefusedError && error.passing);
      if (passes) systemClock.after(REST, tryAgain, { background: true });
      else waiter.fail(error);
    });
  }
}
