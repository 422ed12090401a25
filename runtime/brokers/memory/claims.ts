/** Claims in memory: nothing can come in between. */
import type { Publication } from "../../seams/broker.js";
import type { Claim, Claimed, Claims } from "../../seams/claims.js";
import { defaults } from "../../vocabulary/defaults.js";
import type { MemoryBackend } from "./backend.js";

/** Who has a key. */
export interface Holder {
  readonly id: string;
  /** When its message is to be taken. */
  readonly due: number;
  readonly number: number | undefined;
}

export class MemoryClaims implements Claims {
  readonly #backend: MemoryBackend;
  readonly #publish: (message: Publication) => Promise<void>;

  constructor(backend: MemoryBackend, publish: (message: Publication) => Promise<void>) {
    this.#backend = backend;
    this.#publish = publish;
  }

  async publish(message: Publication, claims: readonly Claim[]): Promise<Claimed> {
    const { claims: holders, replaced, clock } = this.#backend;
    const { id, queue, delay } = message;
    const due = clock.now() + delay;
    const take = ({ key, ttl, from }: Claim) => {
      const number = typeof from === "object" ? from.below : undefined;
      this.#backend.write(holders, place(queue, key), { id, due, number }, ttl);
    };
    const older: Holder[] = [];
    for (const claim of claims) {
      const holder = this.#backend.read(holders, place(queue, claim.key));
      if (holder !== undefined && (holder.id === id || this.#keeps(queue, holder, claim)))
        return { id: holder.id, sent: false };
      if (typeof claim.from === "object") take(claim);
      else if (holder !== undefined) older.push(holder);
    }
    for (const each of older) {
      const left = Math.max(0, each.due - clock.now());
      this.#backend.write(replaced, place(queue, each.id), true, left + defaults.broker.replacedTtl);
    }
    claims.forEach(take);
    await this.#publish(message);
    return { id, sent: true };
  }

  /** Whether the one who has a key is not to lose it. What was cancelled and is in nobody's hands will never run. */
  #keeps(name: string, { id, number = -Infinity }: Holder, { from }: Claim): boolean {
    if (typeof from === "object") return number >= from.below;
    const queue = this.#backend.queue(name);
    return from === "nobody" && (!queue.cancelled.has(id) || queue.held().has(id));
  }

  async replaced(queue: string, id: string): Promise<boolean> {
    return this.#backend.read(this.#backend.replaced, place(queue, id)) === true;
  }

  async free(queue: string, id: string, keys: readonly string[]): Promise<void> {
    const { claims: holders } = this.#backend;
    for (const key of keys) {
      if (this.#backend.read(holders, place(queue, key))?.id === id) holders.delete(place(queue, key));
    }
  }
}

function place(queue: string, key: string): string {
  return `${queue} ${key}`;
}
