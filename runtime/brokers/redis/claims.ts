/** Claims in Redis: a key and the message that claims it lie in one slot, so that one script sees to both. */
import type { Publication } from "../../seams/broker.js";
import type { Claim, Claimed, Claims } from "../../seams/claims.js";
import { defaults } from "../../vocabulary/defaults.js";
import type { RedisConnection } from "./connection.js";
import { queueKeys, type QueueKeys } from "./keys.js";
import { scripts } from "./scripts.js";

/** How long it is known of a replaced message that has reached a worker, in milliseconds: it comes back at most once or twice. */
export const REMEMBERED = 60 * 60_000;

export class RedisClaims implements Claims {
  readonly #prefix: string;
  readonly #connection: RedisConnection;
  readonly #timeout: number;
  /** By queue: to make them anew costs more than a message. */
  readonly #keys = new Map<string, QueueKeys>();

  constructor(prefix: string, connection: RedisConnection, timeout: number) {
    this.#prefix = prefix;
    this.#connection = connection;
    this.#timeout = timeout;
  }

  async publish({ id, queue, priority, delay, body }: Publication, claims: readonly Claim[]): Promise<Claimed> {
    const { ready, delayed, idle, leases, replaced, claim, ...others } = this.#keysOf(queue);
    const { cancelled, consumers, running, suspects } = others;
    const holders = [cancelled, consumers, suspects.leases, suspects.consumers];
    const keys = [ready(priority), delayed, idle, leases, replaced, ...holders, ...claims.map(({ key }) => claim(key))];
    // In a cluster nobody can tell whether a consumer has heard: it may listen at another node.
    const handsOver = this.#connection.clustered ? 0 : 1;
    const args = [id, body, priority, Math.ceil(delay), handsOver, defaults.broker.replacedTtl];
    const places = [running(""), suspects.running("")];
    const rules = claims.flatMap(({ ttl, from }) => [Math.ceil(ttl), typeof from === "object" ? from.below : from]);
    const sent = this.#connection.run(scripts.claim, keys, [...args, ...places, ...rules]);
    const [holder, isNew] = await this.#connection.within(this.#timeout, sent);
    return { id: holder, sent: isNew === 1 };
  }

  async replaced(queue: string, id: string): Promise<boolean> {
    const { replaced } = this.#keysOf(queue);
    return (await this.#connection.run(scripts.replaced, [replaced], [id, REMEMBERED])) === 1;
  }

  async free(queue: string, id: string, keys: readonly string[]): Promise<void> {
    const { claim } = this.#keysOf(queue);
    await this.#connection.run(scripts.free, keys.map(claim), [id]);
  }

  #keysOf(queue: string): QueueKeys {
    const known = this.#keys.get(queue);
    if (known !== undefined) return known;
    const keys = queueKeys(this.#prefix, queue);
    this.#keys.set(queue, keys);
    return keys;
  }
}
