/** Claims in Redis of messages that travel elsewhere. */
import { copyKey, type Begun, type Claim, type ClaimStore, type Meeting, type Sending } from "../../seams/claims.js";
import { defaults } from "../../vocabulary/defaults.js";
import { REMEMBERED } from "./claims.js";
import type { RedisConnection } from "./connection.js";
import { queueKeys } from "./keys.js";
import { scripts } from "./scripts.js";
import type { SendingNote } from "../../wire/envelope.js";

export class RedisClaimStore implements ClaimStore {
  readonly #prefix: string;
  readonly #connection: RedisConnection;

  constructor(prefix: string, connection: RedisConnection) {
    this.#prefix = prefix;
    this.#connection = connection;
  }

  async begin({ id, queue, delay, mark }: Sending, claims: readonly Claim[], pending: number): Promise<Begun> {
    const rules = claims.flatMap(({ from, ttl }) => [from === "anybody" ? from : "nobody", Math.ceil(ttl)]);
    const args = [id, mark, Math.ceil(delay), pending, ...rules];
    const [state, detail] = await this.#connection.run(scripts.claims.begin, this.#keys(queue, claims), args);
    if (state === "taken") return { state, id: String(detail) };
    return state === "pending" ? { state, left: Number(detail) } : { state };
  }

  confirm({ id, queue, mark }: Sending, claims: readonly Claim[]): Promise<string> {
    const keys = [this.#replaced(queue), ...this.#keys(queue, claims)];
    const ttls = claims.map(({ ttl }) => Math.ceil(ttl));
    return this.#connection.run(scripts.claims.confirm, keys, [id, mark, defaults.broker.replacedTtl, ...ttls]);
  }

  async withdraw({ queue, mark }: Sending, claims: readonly Claim[]): Promise<void> {
    await this.#connection.run(scripts.claims.withdraw, this.#keys(queue, claims), [mark]);
  }

  meet(queue: string, id: string, { mark, claims }: SendingNote): Promise<Meeting> {
    const keys = [this.#replaced(queue), ...this.#keys(queue, claims)];
    const ofId = 1 + claims.findIndex(({ key }) => key === copyKey(id));
    const ttls = claims.map(({ ttl }) => Math.ceil(ttl));
    const args = [id, mark, defaults.broker.replacedTtl, REMEMBERED, ofId, ...ttls];
    return this.#connection.run(scripts.claims.meet, keys, args);
  }

  async free(queue: string, id: string, keys: readonly string[]): Promise<void> {
    const { claim } = queueKeys(this.#prefix, queue);
    await this.#connection.run(scripts.claims.free, keys.map(claim), [id]);
  }

  async replaced(queue: string, id: string): Promise<boolean> {
    return (await this.#connection.run(scripts.replaced, [this.#replaced(queue)], [id, REMEMBERED])) === 1;
  }

  #keys(queue: string, claims: readonly Pick<Claim, "key">[]): readonly string[] {
    const { claim } = queueKeys(this.#prefix, queue);
    return claims.map(({ key }) => claim(key));
  }

  #replaced(queue: string): string {
    return queueKeys(this.#prefix, queue).replaced;
  }
}
