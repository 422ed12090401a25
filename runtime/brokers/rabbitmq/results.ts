/**
 * Results without a store: the worker sends each to the queue of the process that sent the message, which keeps it in
 * memory for a while. Only that process can read it.
 */
import { randomUUID } from "node:crypto";
import type { Channel, ConsumeMessage } from "amqplib";
import { UndecodableError, type PendingState } from "../../errors.js";
import type { MaybePromise } from "../../maybe.js";
import type { Awaited, ResultStore, StoredResult, WaitOptions } from "../../results.js";
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
  readonly #queue: string;
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
    const body = JSON.stringify(reply);
    await this.#publisher.post([{ exchange: "", routingKey: address, body, options, needs: [], dispensable: true }]);
  }

  async #listen(): Promise<string> {
    try {
      const channel = await this.#connection.channel();
      const { replyQueueTtl } = this.#options;
      // It outlasts a loss of the connection, and this process by no more than its time.
      const args = { "x-queue-type": "classic", "x-expires": replyQueueTtl };
      await channel.assertQueue(this.#queue, { durable: true, arguments: args });
      channel.on("close", () => this.#ended(channel));
      const receive = (message: ConsumeMessage | null) =>
        message === null ? this.#cancelled(channel) : this.#receive(message);
      await channel.consume(this.#queue, receive, { noAck: true });
      this.#channel = channel;
      return this.#queue;
    } catch (error) {
      this.#listening = undefined;
      throw this.#connection.translate(error);
    }
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
    const result = there?.ok === true ? there : reply.done;
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

function readReply(id: string, text: string): Reply {
  const reply = parse(text) as
    { done?: Partial<StoredResult>; pending?: Partial<PendingState>; ttl?: unknown } | null | undefined;
  if (typeof reply?.ttl === "number") {
    const { done, pending } = reply;
    if (pending?.state === "retrying") return reply as Reply;
    // An output that is undefined leaves no trace in JSON.
    if (done?.ok === true) return { ttl: reply.ttl, done: { output: undefined, ...done } as StoredResult };
    if (done?.ok === false && typeof done.error?.message === "string") return reply as Reply;
  }
  throw new UndecodableError(`the result of message ${id} is malformed`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
