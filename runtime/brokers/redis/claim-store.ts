/** Claims in Redis of messages that travel elsewhere. */
import { copyKey, type Begun, type Claim, type ClaimStore, type Sending } from "../../seams/claims.js";
import { defaults } from "../../vocabulary/defaults.js";
import { RedisClaimNotes } from "./claims.js";
import { queueKeys } from "./keys.js";
import { scripts } from "./scripts.js";

export class RedisClaimStore extends RedisClaimNotes implements ClaimStore {
  async begin({ id, queue, delay, mark }: Sending, claims: readonly Claim[], pending: number): Promise<Begun> {
    const { claim } = queueKeys(this.prefix, queue);
    const keys = claims.map(({ key }) => claim(key));
    const from = claims.map((each) => (each.from === "anybody" ? "anybody" : "nobody"));
    const args = [id, mark, Math.ceil(delay), pending, ...from];
    const [state, detail] = await this.connection.run(scripts.claimBegin, keys, args);
    if (state === "taken") return { state, id: String(detail) };
    return state === "pending" ? { state, left: Number(detail) } : { state };
  }

  async confirm({ queue, mark }: Sending, claims: readonly Claim[]): Promise<void> {
    const { claim, replaced } = queueKeys(this.prefix, queue);
    const keys = [replaced, ...claims.map(({ key }) => claim(key))];
    const ttls = claims.map(({ ttl }) => Math.ceil(ttl));
    await this.connection.run(scripts.claimConfirm, keys, [mark, defaults.broker.replacedTtl, ...ttls]);
  }

  async meet(queue: string, id: string, { mark, ttl }: Parameters<ClaimStore["meet"]>[2]): Promise<boolean> {
    const { claim } = queueKeys(this.prefix, queue);
    return (await this.connection.run(scripts.claimMeet, [claim(copyKey(id))], [id, mark, ttl])) === 1;
  }
}
