/** Wakes those in this process who wait for news on a channel: one subscription serves them all. */
import type { RedisSubscriber } from "./subscriber.js";

/** Those who wait on one channel. */
interface Bell {
  readonly listeners: Set<() => void>;
  readonly subscribed: Promise<void>;
}

export class Bells {
  readonly #subscriber: RedisSubscriber;
  readonly #bells = new Map<string, Bell>();

  constructor(subscriber: RedisSubscriber) {
    this.#subscriber = subscriber;
  }

  /**
   * Calls back at each news, and after a loss of connection, when some may have been missed. Resolves when the server
   * knows, to how to end it.
   */
  async listen(channel: string, ring: () => void): Promise<() => void> {
    const bell = this.#bells.get(channel) ?? this.#hang(channel);
    bell.listeners.add(ring);
    const stop = () => {
      bell.listeners.delete(ring);
      if (bell.listeners.size > 0 || this.#bells.get(channel) !== bell) return;
      this.#bells.delete(channel);
      this.#subscriber.unsubscribe(channel);
    };
    try {
      await bell.subscribed;
      return stop;
    } catch (error) {
      stop();
      throw error;
    }
  }

  #hang(channel: string): Bell {
    const listeners = new Set<() => void>();
    const ring = () => {
      for (const each of listeners) each();
    };
    const bell = { listeners, subscribed: this.#subscriber.subscribe(channel, { message: ring, resumed: ring }) };
    this.#bells.set(channel, bell);
    return bell;
  }
}
