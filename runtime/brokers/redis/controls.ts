/** What is known of single messages, in Redis. */
import { defaults } from "../../defaults.js";
import type { ControlStore, Found, ToCancel } from "../../controls.js";
import { RedisCancellations } from "./cancellations.js";
import { queueKeys } from "./keys.js";
import { scripts } from "./scripts.js";
import type { StateContext } from "./state.js";

/** How many messages one command cancels. */
const LARGEST_BATCH = 500;

/** Messages that are cancelled together. */
interface Batch {
  readonly messages: ToCancel[];
  readonly found: Promise<readonly Found[]>;
}

const found = ["dead", "waiting", "held"] as const satisfies Found[];

export class RedisControls implements ControlStore {
  readonly #context: StateContext;
  readonly #queues = new Map<string, RedisCancellations>();
  readonly #pending = new Map<string, Batch>();
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(context: StateContext) {
    this.#context = context;
  }

  /** What is cancelled in one turn travels in one command: each has to look through what workers hold. */
  async cancel(queue: string, messages: readonly ToCancel[]): Promise<readonly Found[]> {
    const batch = this.#pending.get(queue) ?? this.#gather(queue);
    const first = batch.messages.length;
    batch.messages.push(...messages);
    return (await batch.found).slice(first, first + messages.length);
  }

  #gather(queue: string): Batch {
    const messages: ToCancel[] = [];
    const found = new Promise<readonly Found[]>((resolve, reject) => {
      setImmediate(() => {
        this.#pending.delete(queue);
        this.#cancel(queue, messages).then(resolve, reject);
      });
    });
    const batch = { messages, found };
    this.#pending.set(queue, batch);
    return batch;
  }

  async #cancel(queue: string, messages: readonly ToCancel[]): Promise<readonly Found[]> {
    const { connection, prefix, apart } = this.#context;
    const { cancelled, cancels, deadIndex, leases, consumers, cancel, running, suspects } = queueKeys(prefix, queue);
    const keys = [cancelled, cancels, deadIndex, leases, consumers, suspects.leases, suspects.consumers];
    const places = [cancel, running(""), suspects.running("")];
    const all: Found[] = [];
    for (let i = 0; i < messages.length; i += LARGEST_BATCH) {
      const batch = messages.slice(i, i + LARGEST_BATCH);
      const args = [...places, ...batch.flatMap(({ id, keep }) => [id, Math.ceil(keep)])];
      const reply = await connection.run(scripts.cancel, keys, args);
      // Who has messages that travel elsewhere is not known here.
      all.push(...reply.map((code) => (apart && code > 0 ? "unknown" : found[code])));
    }
    return all;
  }

  async restore(queue: string, ids: readonly string[]): Promise<void> {
    this.#queues.get(queue)?.forget(ids);
    const { cancelled, cancels } = queueKeys(this.#context.prefix, queue);
    await this.#context.connection.command((redis) =>
      Promise.all([redis.zrem(cancelled, ...ids), redis.zrem(cancels, ...ids)]),
    );
  }

  cancelled(queue: string): RedisCancellations {
    const known = this.#queues.get(queue);
    if (known !== undefined) return known;
    const { connection, subscriber, prefix, apart } = this.#context;
    const keys = queueKeys(prefix, queue);
    const cancellations = new RedisCancellations(connection, keys, { followed: !apart });
    this.#queues.set(queue, cancellations);
    // What fails here is made up for by the next look.
    const look = () => void cancellations.look().catch(() => undefined);
    subscriber
      .subscribe(keys.cancel, { message: (word) => cancellations.hear(word), resumed: look })
      .catch(() => undefined);
    if (apart) {
      const timer = setInterval(() => cancellations.running.size > 0 && look(), defaults.broker.lease / 3);
      timer.unref();
      this.#timers.push(timer);
    }
    return cancellations;
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
