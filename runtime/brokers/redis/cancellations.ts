/** What this process knows of the cancelled messages of one queue: learnt from the server once, then kept up to date. */
import type { Cancellable, Cancellations } from "../../seams/controls.js";
import { defaults } from "../../vocabulary/defaults.js";
import type { MaybePromise } from "../../support/maybe.js";
import type { RedisConnection } from "./connection.js";
import type { QueueKeys } from "./keys.js";
import { scripts } from "./scripts.js";

/** How often what has expired is looked for, in milliseconds. */
const TIDYING = 60 * 60_000;

export class RedisCancellations implements Cancellations {
  readonly running = new Set<Cancellable>();
  readonly #connection: RedisConnection;
  readonly #keys: QueueKeys;
  /** Each fetch of this process asks for the version, so that nothing has to be asked for here. */
  readonly #followed: boolean;
  /** Until when each id is remembered, by the server's clock. */
  readonly #ids = new Map<string, number>();
  #version = 0;
  #tidied = 0;
  #learning: Promise<void> | undefined;
  /** A look that has not been sent yet, shared by all who ask in this turn. */
  #next: Promise<void> | undefined;

  constructor(connection: RedisConnection, keys: QueueKeys, { followed }: { readonly followed: boolean }) {
    this.#connection = connection;
    this.#keys = keys;
    this.#followed = followed;
  }

  has(id: string): MaybePromise<boolean> {
    // Mostly nothing is cancelled, and an id that is new to the engine costs a hash.
    if (this.#followed) return this.#ids.size > 0 && this.#ids.has(id);
    return this.look().then(() => this.#ids.has(id));
  }

  async met(id: string): Promise<boolean> {
    const keep = defaults.control.keepMet;
    const is = (await this.#connection.run(scripts.meet, [this.#keys.cancelled], [id, keep])) === 1;
    if (!is) this.#ids.delete(id);
    return is;
  }

  /** Messages that are not cancelled after all. */
  forget(ids: readonly string[]): void {
    for (const id of ids) this.#ids.delete(id);
  }

  /** Learns what the server had at some version; nothing to wait for where it is known. */
  follow(version: number): Promise<void> | undefined {
    return version > this.#version ? this.#catchUp(version) : undefined;
  }

  async #catchUp(version: number): Promise<void> {
    // The first answer may be one that was under way before; a server that has lost data may not know the version at all.
    for (let i = 0; i < 2 && version > this.#version; i++) {
      await (this.#learning ??= this.#learn().finally(() => (this.#learning = undefined)));
    }
  }

  /** Learns what the server has now. Those who ask in one turn share a command. */
  look(): Promise<void> {
    this.#next ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#next = undefined;
        this.#learn().then(resolve, reject);
      });
    });
    return this.#next;
  }

  /** A word from the server: `<version before> <version> <until when they are remembered> <id> <id> …`. */
  hear(word: string): void {
    const [before, version, expiry, ...ids] = word.split(" ");
    for (const id of ids) this.#ids.set(id, Number(expiry));
    if (Number(before) === this.#version) this.#version = Number(version);
    this.#tell(new Set(ids));
  }

  async #learn(): Promise<void> {
    const { cancelled, cancels } = this.#keys;
    const [version, now, ...rest] = await this.#connection.run(
      scripts.cancelled,
      [cancelled, cancels],
      [this.#version],
    );
    const ids = new Set<string>();
    for (let i = 0; i < rest.length; i += 2) {
      const id = String(rest[i]);
      this.#ids.set(id, Number(rest[i + 1]));
      ids.add(id);
    }
    // A word may have overtaken this answer.
    this.#version = Math.max(this.#version, version);
    if (now - this.#tidied > TIDYING) this.#tidy(now);
    this.#tell(ids);
  }

  #tidy(now: number): void {
    this.#tidied = now;
    for (const [id, expiry] of this.#ids) if (expiry <= now) this.#ids.delete(id);
  }

  #tell(ids: ReadonlySet<string>): void {
    if (ids.size === 0) return;
    for (const { id, cancel } of this.running) if (ids.has(id)) cancel();
  }
}
