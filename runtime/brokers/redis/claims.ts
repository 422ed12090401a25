/**
 * Claims in Redis: a key and the message that claims it lie in one slot, so that one script sees to both. It does so for
 * all messages of one event-loop turn that go to one queue.
 */
import type { Publication } from "../../seams/broker.js";
import type { Claim, Claimed, Claims } from "../../seams/claims.js";
import { defaults } from "../../vocabulary/defaults.js";
import type { RedisConnection } from "./connection.js";
import { queueKeys, type QueueKeys } from "./keys.js";
import { Outbox } from "./outbox.js";
import { scripts } from "./scripts.js";

/** How long it is known of a replaced message that has reached a worker, in milliseconds: it comes back at most once or twice. */
export const REMEMBERED = 60 * 60_000;

/** How many messages one command carries: each costs the server some ten microseconds, in which others wait. */
const LARGEST_BATCH = 50;

/** A message that claims something, and who waits for what comes of it. */
interface Claimant {
  readonly message: Publication;
  readonly claims: readonly Claim[];
  readonly resolve: (claimed: Claimed) => void;
  readonly reject: (error: Error) => void;
}

/** What is made once for a queue: to make its keys anew costs more than a message. */
interface QueueClaims {
  readonly keys: QueueKeys;
  readonly outbox: Outbox<Claimant>;
}

export class RedisClaims implements Claims {
  readonly #prefix: string;
  readonly #connection: RedisConnection;
  readonly #timeout: number;
  readonly #queues = new Map<string, QueueClaims>();

  constructor(prefix: string, connection: RedisConnection, timeout: number) {
    this.#prefix = prefix;
    this.#connection = connection;
    this.#timeout = timeout;
  }

  publish(message: Publication, claims: readonly Claim[]): Promise<Claimed> {
    const { outbox } = this.#of(message.queue);
    return new Promise((resolve, reject) => {
      outbox.add({ message, claims, resolve, reject }, message.body.length).catch(reject);
    });
  }

  /** Sends what one turn claims in one queue; tells each what came of it. */
  async #send(
    { delayed, idle, leases, replaced, claim, cancelled, consumers, running, suspects, ready }: QueueKeys,
    claimants: readonly Claimant[],
  ): Promise<void> {
    const keys = [delayed, idle, leases, replaced, cancelled, consumers, suspects.leases, suspects.consumers];
    // In a cluster nobody can tell whether a consumer has heard: it may listen at another node.
    const handsOver = this.#connection.clustered ? 0 : 1;
    const args = [handsOver, defaults.broker.replacedTtl, running(""), suspects.running("")];
    for (const { message, claims } of claimants) {
      const { id, body, priority, delay } = message;
      keys.push(ready(priority));
      args.push(id, body, priority, Math.ceil(delay), claims.length);
      for (const { key, ttl, from } of claims) {
        keys.push(claim(key));
        args.push(Math.ceil(ttl), typeof from === "object" ? from.below : from);
      }
    }
    const sent = this.#connection.run(scripts.claim, keys, args);
    const replies = await this.#connection.within(this.#timeout, sent);
    for (const [i, { resolve, reject }] of claimants.entries()) {
      const [text, state] = replies[i] ?? ["no reply", -1];
      if (state === -1) reject(this.#connection.refused(text));
      else resolve({ id: text, sent: state === 1 });
    }
  }

  async replaced(queue: string, id: string): Promise<boolean> {
    const { replaced } = this.#of(queue).keys;
    return (await this.#connection.run(scripts.replaced, [replaced], [id, REMEMBERED])) === 1;
  }

  async free(queue: string, id: string, keys: readonly string[]): Promise<void> {
    const { claim } = this.#of(queue).keys;
    await this.#connection.run(scripts.free, keys.map(claim), [id]);
  }

  #of(queue: string): QueueClaims {
    const known = this.#queues.get(queue);
    if (known !== undefined) return known;
    const keys = queueKeys(this.#prefix, queue);
    const outbox = new Outbox<Claimant>(LARGEST_BATCH, (claimants) => this.#send(keys, claimants));
    const made = { keys, outbox };
    this.#queues.set(queue, made);
    return made;
  }
}
