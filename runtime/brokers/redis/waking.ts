/**
 * How a consumer waits at an empty queue: the server sends word that there is something, or hands a message over. In case
 * a word was lost, the consumer looks by itself some time.
 */
import type { RedisSubscriber } from "./subscriber.js";

/** Who waits. */
export interface Waiter {
  /** It is time to look. */
  readonly look: () => void;
  /** `<field> <body>`: a message that is in the running hash already. */
  readonly takeOver: (message: string) => void;
  /** What was handed over in the meantime is known to nobody. */
  readonly missed: () => void;
  /** The server refuses to send word. */
  readonly deaf: (error: Error) => void;
}

export class Waking {
  readonly #subscriber: RedisSubscriber;
  readonly #waiter: Waiter;
  /** It stands in the idle zset, as far as is known here. */
  registered = false;
  /** Nothing is asked for until the server sends word, or some time has passed. */
  #idle = false;
  /** The server said that there is something to take. */
  #woken = false;
  #words = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(subscriber: RedisSubscriber, waiter: Waiter) {
    this.#subscriber = subscriber;
    this.#waiter = waiter;
  }

  get idle(): boolean {
    return this.#idle;
  }

  /** How many words the server has sent. */
  get words(): number {
    return this.#words;
  }

  /** Whether the server has said that there is something to take, since this was last asked. */
  takeWord(): boolean {
    const woken = this.#woken;
    this.#woken = false;
    return woken;
  }

  /** Waits for word, and no longer than this. */
  rest(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#idle = true;
    this.#timer = setTimeout(() => this.wake(), milliseconds);
  }

  /** Waits no longer. */
  rouse(): void {
    clearTimeout(this.#timer);
    this.#idle = false;
  }

  /** Waits no longer, and has the consumer look. */
  wake(): void {
    this.rouse();
    this.#waiter.look();
  }

  /** Hears what is said on a channel. */
  listen(channel: string): void {
    const resumed = () => {
      this.#waiter.missed();
      this.wake();
    };
    this.#subscriber
      .subscribe(channel, { message: (text) => this.#hear(text), resumed })
      // Whoever was told before could not hear it. Where it fails, the idle poll finds what there is.
      .then(
        () => this.wake(),
        (error: Error) => this.#waiter.deaf(error),
      );
  }

  /** Hears no more of a channel, and is in the idle zset under no name. */
  unlisten(channel: string): void {
    this.#subscriber.unsubscribe(channel);
    this.registered = false;
  }

  /** An empty word says that there is something to take, any other is a message handed over. */
  #hear(text: string): void {
    this.#words++;
    this.registered = false;
    if (text === "") this.#woken = true;
    else this.#waiter.takeOver(text);
    this.wake();
  }
}
