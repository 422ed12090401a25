/**
 * Results without a store: the worker sends each to the queue of the process that sent the message, which keeps it in
 * memory for a while. Only that process can read it.
 */
import { randomUUID } from "node:crypto";
import type { Channel, ConsumeMessage } from "amqplib";
import { defaults } from "../../vocabulary/defaults.js";
import { UndecodableError, type PendingState } from "../../vocabulary/errors.js";
import { readJson } from "../../wire/json.js";
import type { MaybePromise } from "../../support/maybe.js";
import type { Awaited, ResultStore, StoredResult, WaitOptions } from "../../seams/results.js";
import { isFinal, LARGEST_RESULT, toResult, toState, writeResult } from "../../wire/stored-result.js";
import { pauseAfter, type RabbitmqConnection } from "./connection.js";
import { replyQueue, replyQueues } from "./names.js";
import type { Publisher } from "./publisher.js";

export interface ReplyOptions {
  readonly prefix: string;
  /** How long the server keeps the queue of a process that is gone, in milliseconds. */
  readonly replyQueueTtl: number;
  /** How many results, and how many characters of them, are kept for those who ask later. */
  readonly maxKept: { readonly results: number; readonly characters: number };
}

/** One who waits for a result. */
interface Waiter {
  readonly wake: (result: StoredResult) => void;
  readonly fail: (error: unknown) => void;
  readonly addressed: boolean;
}

interface Kept {
  readonly result: StoredResult | undefined;
  readonly state: PendingState | undefined;
  readonly characters: number;
  readonly expires: number;
}

/** What travels to a process: how a message ended, or what is known of it so far. */
type Reply =
  { readonly done: StoredResult; readonly ttl: number } | { readonly pending: PendingState; readonly ttl: number };

export class RabbitmqResults implements ResultStore {
  readonly addressedOnly = true;
  readonly #connection: RabbitmqConnection;
  readonly #publisher: Publisher;
  readonly #options: ReplyOptions;
  /** The queue in which results come. */
  #queue: string;
  readonly #waiters = new Map<string, Set<Waiter>>();
  /** Results and states by message id, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  #characters = 0;
  #listening: Promise<string> | undefined;
  #channel: Channel | undefined;
  /** Somebody has asked for the address. */
  #wanted = false;
  #closed = false;

  constructor(connection: RabbitmqConnection, publisher: Publisher, options: ReplyOptions) {
    this.#connection = connection;
    this.#publisher = publisher;
    this.#options = options;
    this.#queue = replyQueue(options.prefix, randomUUID());
    connection.listen({ up: () => this.#listenAgain() });
  }

  async put(id: string, result: StoredResult, ttl: number, reply?: string): Promise<void> {
    await this.#send(id, { done: result, ttl }, reply);
  }

  /** Those who wait elsewhere cannot be reached without the address that their message carries. */
  async offer(id: string): Promise<StoredResult | undefined> {
    return this.#read(id)?.result;
  }

  async note(id: string, state: PendingState, ttl: number, reply?: string): Promise<void> {
    await this.#send(id, { pending: state, ttl }, reply);
  }

  address(): MaybePromise<string> {
    this.#wanted = true;
    if (this.#channel !== undefined) return this.#queue;
    this.#listening ??= this.#listen();
    return this.#listening;
  }

  wait(id: string, { timeout, addressed, sent }: WaitOptions): Promise<Awaited> {
    const there = this.#read(id)?.result;
    if (there !== undefined) return Promise.resolve({ done: there });
    return new Promise<Awaited>((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        this.#forget(id, waiter);
      };
      const fail = (error: unknown) => {
        end();
        reject(error as Error);
      };
      const waiter: Waiter = {
        addressed,
        fail,
        wake: (done) => {
          end();
          resolve({ done });
        },
      };
      const timer = setTimeout(() => {
        end();
        resolve({ pending: this.#read(id)?.state ?? { state: "pending" } });
      }, timeout);
      sent?.catch(fail);
      this.#waiters.set(id, (this.#waiters.get(id) ?? new Set()).add(waiter));
    });
  }

  /** Ends it: those who wait are told. */
  close(error: Error): void {
    this.#closed = true;
    for (const waiters of [...this.#waiters.values()]) for (const waiter of [...waiters]) waiter.fail(error);
    this.#kept.clear();
  }

  async #send(id: string, reply: Reply, address: string | undefined): Promise<void> {
    // A message names its address itself: no other queue than one for results is written to.
    if (address === undefined || !address.startsWith(replyQueues(this.#options.prefix))) return;
    const options = {
      messageId: id,
      persistent: true,
      mandatory: true,
      expiration: String(Math.ceil(reply.ttl)),
    };
    const body = "done" in reply ? `{"done":${writeResult(reply.done)},"ttl":${reply.ttl}}` : JSON.stringify(reply);
    await this.#publisher.post([{ exchange: "", routingKey: address, body, options, needs: [], dispensable: true }]);
  }

  async #listen(): Promise<string> {
    try {
      return await this.#consume();
    } catch (error) {
      if (!isHomeless(error)) return this.#deaf(error);
    }
    // The node on which the queue lies is gone: from now on, results come to one on the node that is left.
    this.#queue = replyQueue(this.#options.prefix, randomUUID());
    return this.#consume().catch((error: unknown) => this.#deaf(error));
  }

  #deaf(error: unknown): never {
    this.#listening = undefined;
    throw this.#connection.translate(error);
  }

  async #consume(): Promise<string> {
    const channel = await this.#connection.channel();
    const { replyQueueTtl } = this.#options;
    // It outlasts a loss of the connection, and this process by no more than its time.
    const args = { "x-queue-type": "classic", "x-expires": replyQueueTtl };
    await channel.assertQueue(this.#queue, { durable: true, arguments: args });
    channel.on("close", () => this.#ended(channel));
    const read = receipts(channel);
    await channel.consume(this.#queue, (message) => {
      if (message === null) return this.#cancelled(channel);
      this.#receive(message);
      read(message);
    });
    this.#channel = channel;
    return this.#queue;
  }

  #cancelled(channel: Channel): void {
    channel.close().catch(() => undefined);
  }

  /** The channel ended alone: listens on another. Where the connection is lost, its return does that. */
  #ended(channel: Channel): void {
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    this.#listening = undefined;
    if (!this.#connection.ready || this.#closed) return;
    const timer = setTimeout(() => this.#listenAgain(), pauseAfter(1));
    timer.unref();
  }

  #listenAgain(): void {
    // Who never asked for the address has nothing to listen for.
    if (this.#closed || !this.#wanted || this.#channel !== undefined) return;
    this.#listening ??= this.#listen();
    this.#listening.catch(() => undefined);
  }

  #receive({ properties, content }: ConsumeMessage): void {
    const id = String(properties.messageId);
    const text = content.toString();
    let reply: Reply;
    try {
      reply = readReply(id, text);
    } catch (error) {
      for (const waiter of [...(this.#waiters.get(id) ?? [])]) waiter.fail(error);
      return;
    }
    if ("pending" in reply)
      return this.#keep(id, { state: reply.pending, result: this.#read(id)?.result }, text.length, reply.ttl);
    // An answer is written once: a worker that lost its lease must not replace it.
    const there = this.#read(id)?.result;
    const result = there !== undefined && isFinal(there) ? there : reply.done;
    const waiters = [...(this.#waiters.get(id) ?? [])];
    for (const { wake } of waiters) wake(result);
    // A call is answered once; who sent a message may ask for its result again.
    if (waiters.some(({ addressed }) => addressed)) this.#drop(id);
    else if (result === reply.done) this.#keep(id, { state: undefined, result }, text.length, reply.ttl);
  }

  #read(id: string): Kept | undefined {
    const kept = this.#kept.get(id);
    return kept !== undefined && kept.expires > Date.now() ? kept : undefined;
  }

  #keep(id: string, what: Pick<Kept, "result" | "state">, characters: number, ttl: number): void {
    this.#drop(id);
    this.#kept.set(id, { ...what, characters, expires: Date.now() + ttl });
    this.#characters += characters;
    const { maxKept } = this.#options;
    for (const [oldest, { expires }] of this.#kept) {
      const over = this.#kept.size > maxKept.results || this.#characters > maxKept.characters;
      if (!over && expires > Date.now()) break;
      this.#drop(oldest);
    }
  }

  #drop(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    this.#kept.delete(id);
    this.#characters -= kept.characters;
  }

  #forget(id: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(id);
  }
}

/**
 * Tells the server what was read, once for all results of an event-loop turn. One that was on its way when the
 * connection was lost comes again.
 */
function receipts(channel: Channel): (message: ConsumeMessage) => void {
  let newest: ConsumeMessage | undefined;
  const tell = () => {
    const message = newest;
    newest = undefined;
    try {
      if (message !== undefined) channel.ack(message, true);
    } catch {
      // The channel is closed: the server gives them to the next one.
    }
  };
  return (message) => {
    if (newest === undefined) setImmediate(tell);
    newest = message;
  };
}

/** Whether a queue cannot be used because the node on which it lies is down: the server says NOT_FOUND and why. */
function isHomeless(error: unknown): boolean {
  return error instanceof Error && error.message.includes("is down or inaccessible");
}

/** A reply as it came. Throws `UndecodableError` for anything else. */
function readReply(id: string, text: string): Reply {
  const what = `the result of message ${id}`;
  const reply = readJson(text, what, LARGEST_RESULT, defaults.message.maxDepth + 1) as {
    done?: unknown;
    pending?: unknown;
    ttl?: unknown;
  } | null;
  const { done, pending, ttl } = reply ?? {};
  if (typeof ttl !== "number") throw new UndecodableError(`${what} is malformed`);
  return pending === undefined ? { done: toResult(id, done), ttl } : { pending: toState(pending), ttl };
}
