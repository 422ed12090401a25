/** Results in Redis: kept under a key with a TTL, and pushed to whoever waits, over one connection for each process. */
import { randomUUID } from "node:crypto";
import { UndecodableError, type PendingState } from "../../errors.js";
import type { Awaited, ResultStore, StoredResult, WaitOptions } from "../../results.js";
import type { RedisConnection } from "./connection.js";
import { replyChannel, resultKeys } from "./keys.js";
import { scripts } from "./scripts.js";
import type { RedisSubscriber } from "./subscriber.js";

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
  readonly #waiters = new Map<string, Set<Waiter>>();
  #listening: Promise<void> | undefined;

  constructor(prefix: string, connection: RedisConnection, subscriber: RedisSubscriber) {
    this.#prefix = prefix;
    this.#connection = connection;
    this.#subscriber = subscriber;
    this.#channel = replyChannel(prefix, randomUUID());
  }

  async put(id: string, result: StoredResult, ttl: number, reply = ""): Promise<void> {
    const { result: key, state, waiters } = resultKeys(this.#prefix, id);
    const json = JSON.stringify(result);
    await this.#connection.run(scripts.putResult, [key, state, waiters], [json, ttl, reply, `${id} ${json}`]);
  }

  async note(id: string, state: PendingState, ttl: number): Promise<void> {
    try {
      await this.#connection.redis.set(resultKeys(this.#prefix, id).state, JSON.stringify(state), "PX", ttl);
    } catch (error) {
      throw this.#connection.translate(error);
    }
  }

  async address(): Promise<string> {
    this.#listening ??= this.#listen();
    await this.#listening;
    return this.#channel;
  }

  wait(id: string, { timeout, addressed, signal }: WaitOptions): Promise<Awaited> {
    return new Promise<Awaited>((resolve, reject) => {
      const deadline = Date.now() + timeout;
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#forget(id, waiter);
      };
      const fail = (error: unknown) => {
        end();
        reject(error as Error);
      };
      const abort = () => fail(signal?.reason);
      const waiter: Waiter = {
        wake: (done) => {
          end();
          resolve({ done });
        },
        fail,
        left: () => Math.max(1, deadline - Date.now()),
      };
      const timer = setTimeout(() => {
        end();
        this.#pending(id).then((pending) => resolve({ pending }), reject);
      }, timeout);
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiters.set(id, (this.#waiters.get(id) ?? new Set()).add(waiter));
      if (!addressed) this.#ask(id, waiter).catch(fail);
    });
  }

  /** Takes a result that is there already, or asks the store to have this process told. */
  async #ask(id: string, waiter: Waiter): Promise<void> {
    const channel = await this.address();
    const { result, waiters } = resultKeys(this.#prefix, id);
    const json = await this.#connection.run(scripts.awaitResult, [result, waiters], [channel, waiter.left()]);
    if (json !== null) waiter.wake(readResult(id, json));
  }

  async #pending(id: string): Promise<PendingState> {
    try {
      const json = await this.#connection.redis.get(resultKeys(this.#prefix, id).state);
      return json === null ? { state: "pending" } : readState(json);
    } catch (error) {
      throw this.#connection.translate(error);
    }
  }

  #forget(id: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(id);
  }

  async #listen(): Promise<void> {
    try {
      await this.#subscriber.subscribe(this.#channel, {
        message: (payload) => this.#receive(payload),
        resumed: () => this.#askAgain(),
      });
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
  }

  #receive(payload: string): void {
    const space = payload.indexOf(" ");
    const id = payload.slice(0, space);
    const waiters = this.#waiters.get(id);
    if (waiters === undefined) return;
    for (const waiter of [...waiters]) {
      try {
        waiter.wake(readResult(id, payload.slice(space + 1)));
      } catch (error) {
        waiter.fail(error);
      }
    }
  }

  /** What was published while the connection was away is in the store. */
  #askAgain(): void {
    for (const [id, waiters] of this.#waiters) {
      for (const waiter of waiters) this.#ask(id, waiter).catch(waiter.fail);
    }
  }
}

function readResult(id: string, json: string): StoredResult {
  const value = parse(json) as Partial<StoredResult> | null | undefined;
  if (value?.ok === true && "output" in value) return value as StoredResult;
  if (value?.ok === false && typeof value.error?.message === "string") return value as StoredResult;
  throw new UndecodableError(`the stored result of message ${id} is malformed`);
}

function readState(json: string): PendingState {
  const value = parse(json) as Partial<PendingState> | null | undefined;
  return value?.state === "retrying" ? (value as PendingState) : { state: "pending" };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
