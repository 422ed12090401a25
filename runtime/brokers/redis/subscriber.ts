/** The connection on which this process is told things: wake-ups for its consumers, results for its callers. */
import type { RedisAddress } from "./address.js";
import { outside } from "../../support/outside.js";
import { RedisConnection } from "./connection.js";

/** How often a silent connection is asked whether it is still there, in milliseconds. */
const PING_INTERVAL = 10_000;
/** How long an answer may take. */
const PATIENCE = 5_000;

/** Who listens on a channel. */
export interface Listener {
  readonly message: (payload: string) => void;
  /** Messages may have been missed: the connection came back, or a node of the cluster is gone. */
  readonly resumed: () => void;
}

export class RedisSubscriber {
  readonly #connection: RedisConnection;
  readonly #listeners = new Map<string, Listener>();
  #ping: NodeJS.Timeout | undefined;

  constructor(address: RedisAddress) {
    this.#connection = new RedisConnection(address, { use: "subscribe", patience: PATIENCE, whenDown: "wait" });
    this.#connection.listen({ up: () => void this.#resume() });
    address.cluster?.whenLeft(() => this.#lookAround());
  }

  /** Resolves when the server knows; after every loss of connection it is told again. */
  async subscribe(channel: string, listener: Listener): Promise<void> {
    this.#open();
    this.#listeners.set(channel, listener);
    await this.#connection.within(PATIENCE, this.#connection.redis.subscribe(channel));
  }

  unsubscribe(channel: string): void {
    this.#listeners.delete(channel);
    if (this.#connection.ready) this.#connection.redis.unsubscribe(channel).catch(() => undefined);
  }

  async close(): Promise<void> {
    clearInterval(this.#ping);
    await this.#connection.close();
  }

  /** The server has forgotten every subscription, and what was published in the meantime was heard by nobody. */
  async #resume(): Promise<void> {
    if (this.#listeners.size === 0 || !this.#connection.ready) return;
    await this.#connection.redis.subscribe(...this.#listeners.keys()).catch(() => undefined);
    this.#tellResumed();
  }

  /**
   * A node that leaves a cluster takes along what it had still to tell, which nobody knows who listens at another one; and who
   * listens at that very node, which may run on, will hear nothing more.
   */
  #lookAround(): void {
    if (this.#connection.ready && !this.#connection.rejoin()) this.#tellResumed();
  }

  #tellResumed(): void {
    for (const { resumed } of this.#listeners.values()) resumed();
  }

  #open(): void {
    if (this.#ping !== undefined) return;
    this.#connection.redis.on("message", (channel: string, payload: string) => {
      this.#listeners.get(channel)?.message(payload);
    });
    // A connection cut half-way says nothing for ever: the missing answer to a ping ends it.
    const ping = () => {
      if (this.#connection.ready) this.#connection.redis.ping().catch(() => undefined);
    };
    this.#ping = outside(() => setInterval(ping, PING_INTERVAL));
    this.#ping.unref();
  }
}
