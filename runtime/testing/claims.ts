/** The claims of a test: nothing is claimed while the connection is down. */
import { MemoryClaims } from "../brokers/memory/claims.js";
import type { MemoryBackend } from "../brokers/memory/index.js";
import type { Publication } from "../seams/broker.js";
import type { Claim, Claimed } from "../seams/claims.js";

export class TestClaims extends MemoryClaims {
  readonly #reach: () => void;

  /** @param reach Throws where the connection is down. */
  constructor(backend: MemoryBackend, publish: (message: Publication) => Promise<void>, reach: () => void) {
    super(backend, publish);
    this.#reach = reach;
  }

  override async publish(message: Publication, claims: readonly Claim[]): Promise<Claimed> {
    this.#reach();
    return super.publish(message, claims);
  }
}
