/** What is known of single messages, in Redis. */
import { defaults } from "../../vocabulary/defaults.js";
import type {
  ControlStore,
  Found,
  MessageRecord,
  ProgressRecord,
  StatusRecord,
  ToCancel,
  TrackOptions,
} from "../../seams/controls.js";
import { readNews, readProgress, readStatus } from "../../wire/message-record.js";
import { RedisCancellations } from "./cancellations.js";
import { queueKeys, recordKeys } from "./keys.js";
import { scripts } from "./scripts.js";
import type { StateContext } from "./state.js";

/** How many messages one command cancels. */
const LARGEST_BATCH = 500;

/** Messages that are cancelled together. */
interface Batch {
  readonly messages: ToCancel[];
  readonly found: Promise<readonly Found[]>;
}

/** One who follows a message's progress. */
interface Follower {
  readonly news: (record: MessageRecord) => void;
  readonly unsure: () => void;
}

const found = ["dead", "waiting", "held"] as const satisfies Found[];

export class RedisControls implements ControlStore {
  readonly #context: StateContext;
  readonly #queues = new Map<string, RedisCancellations>();
  readonly #pending = new Map<string, Batch>();
  /** Who follows a message's progress here, by its id. */
  readonly #followers = new Map<string, Set<Follower>>();
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

  async track(id: string, status: StatusRecord, { ttl, first, tell }: TrackOptions): Promise<void> {
    const { status: key, news } = recordKeys(this.#context.prefix, id);
    const json = JSON.stringify(status);
    const expiry = Math.ceil(ttl);
    const { connection } = this.#context;
    if (tell) await connection.run(scripts.tellRecord, [key], [json, expiry, news, "status"]);
    else if (first) await connection.command((redis) => redis.set(key, json, "PX", expiry, "NX"));
    else await connection.command((redis) => redis.set(key, json, "PX", expiry));
  }

  async report(id: string, progress: ProgressRecord, ttl: number): Promise<void> {
    const { progress: key, news } = recordKeys(this.#context.prefix, id);
    const args = [JSON.stringify(progress), Math.ceil(ttl), news, "progress"];
    await this.#context.connection.run(scripts.tellRecord, [key], args);
  }

  async read(id: string): Promise<MessageRecord> {
    const { status, progress } = recordKeys(this.#context.prefix, id);
    const [known, far] = await this.#context.connection.command((redis) => redis.mget(status, progress));
    return { ...readStatus(known), ...readProgress(far) };
  }

  /** Those who follow one message in this process share a subscription. */
  async follow(id: string, news: (record: MessageRecord) => void, unsure: () => void): Promise<() => void> {
    const { subscriber, prefix } = this.#context;
    const channel = recordKeys(prefix, id).news;
    const follower = { news, unsure };
    const others = this.#followers.get(id);
    const all = (others ?? new Set()).add(follower);
    const leave = () => {
      all.delete(follower);
      if (all.size > 0) return;
      this.#followers.delete(id);
      subscriber.unsubscribe(channel);
    };
    if (others !== undefined) return leave;
    this.#followers.set(id, all);
    try {
      await subscriber.subscribe(channel, {
        message: (word) => all.forEach((each) => each.news(readNews(word))),
        resumed: () => all.forEach((each) => each.unsure()),
      });
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
