/** The Redis server's clock, asked now and then and reckoned in between. */
import { systemClock } from "../../support/clock.js";
import type { MaybePromise } from "../../support/maybe.js";
import type { RedisConnection } from "./connection.js";

/** How long the last answer is good for, in milliseconds: within it, two clocks drift apart by about a millisecond. */
const GOOD_FOR = 60_000;

export class ServerClock {
  readonly #connection: RedisConnection;
  /** What the server's clock is ahead of `systemClock.elapsed()`, and when that was learnt. */
  #known: { readonly ahead: number; readonly at: number } | undefined;
  #asking: Promise<number> | undefined;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /** Milliseconds since 1970; at once where it was asked not long ago. */
  now(): MaybePromise<number> {
    const elapsed = systemClock.elapsed();
    if (this.#known !== undefined && elapsed - this.#known.at < GOOD_FOR)
      return Math.round(this.#known.ahead + elapsed);
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<number> {
    const sent = systemClock.elapsed();
    const [seconds, microseconds] = await this.#connection.command((redis) => redis.time());
    const at = systemClock.elapsed();
    // The server looked at its clock half-way, as far as can be known.
    const ahead = Number(seconds) * 1000 + Number(microseconds) / 1000 - (sent + at) / 2;
    this.#known = { ahead, at };
    return Math.round(ahead + at);
  }
}
