/** Sends messages to Redis: all of one event-loop turn that go to one list travel in one command. */
import type { Publication } from "../../broker.js";
import type { RedisConnection } from "./connection.js";
import { queueKeys, type QueueKeys } from "./keys.js";
import { scripts } from "./scripts.js";

/** How many messages one command carries: Lua's `unpack` ends at some 7,900 values, and other clients want their turn. */
const LARGEST_BATCH = 1000;

/** How many characters: a command is one string before it is sent, and other clients want their turn here as well. */
const LARGEST_SIZE = 4 * 1024 * 1024;

/** Messages of one turn that go to the same place. */
interface Batch {
  readonly keys: QueueKeys;
  /** Bodies for a ready list; or delay, rank and body by turns. */
  readonly args: (string | number)[];
  count: number;
  /** Characters of all bodies. */
  size: number;
  readonly sent: Promise<void>;
  readonly settle: (sent: Promise<unknown>) => void;
}

export class Publisher {
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #timeout: number;
  readonly #queues = new Map<string, QueueKeys>();
  #batches = new Map<string, Batch>();
  #scheduled = false;

  constructor(connection: RedisConnection, { prefix, timeout }: { prefix: string; timeout: number }) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#timeout = timeout;
  }

  /** Resolves when the server has them all. */
  async publish(messages: readonly Publication[]): Promise<void> {
    const batches = new Set<Promise<void>>();
    for (const message of messages) batches.add(this.#add(message));
    await (batches.size === 1 ? batches.values().next().value : Promise.all(batches));
  }

  #add({ queue, priority, delay, body }: Publication): Promise<void> {
    const kind = delay === 0 ? `${queue} ${priority}` : `${queue} delayed`;
    let batch = this.#batches.get(kind);
    if (batch === undefined) this.#batches.set(kind, (batch = this.#open(queue)));
    if (delay === 0) batch.args.push(body);
    else batch.args.push(Math.ceil(delay), 9 - priority, body);
    batch.size += body.length;
    if (++batch.count === LARGEST_BATCH || batch.size > LARGEST_SIZE) {
      this.#batches.delete(kind);
      this.#send(kind, batch);
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    }
    return batch.sent;
  }

  #open(queue: string): Batch {
    let keys = this.#queues.get(queue);
    if (keys === undefined) this.#queues.set(queue, (keys = queueKeys(this.#prefix, queue)));
    let settle!: Batch["settle"];
    const sent = new Promise<void>((resolve, reject) => {
      settle = (reply) => void reply.then(() => resolve(), reject);
    });
    return { keys, args: [], count: 0, size: 0, sent, settle };
  }

  #flush(): void {
    this.#scheduled = false;
    const batches = this.#batches;
    this.#batches = new Map();
    for (const [kind, batch] of batches) this.#send(kind, batch);
  }

  #send(kind: string, { keys, args, settle }: Batch): void {
    const target = kind.slice(kind.lastIndexOf(" ") + 1);
    const reply =
      target === "delayed"
        ? this.#connection.run(scripts.delay, [keys.delayed, keys.idle], args)
        : this.#connection.run(scripts.publish, [keys.ready(Number(target)), keys.idle], args);
    // Nobody waits for a dead server for ever; whether the messages arrived is then unknown.
    settle(this.#connection.within(this.#timeout, reply));
  }
}
