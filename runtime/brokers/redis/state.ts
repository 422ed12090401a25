/** What processes share, in Redis. */
import type { StateStore } from "../../state.js";
import type { RedisConnection } from "./connection.js";
import type { RedisSubscriber } from "./subscriber.js";

/** What each part of the store works with. */
export interface StateContext {
  readonly prefix: string;
  /** Waits for a server that is away. */
  readonly connection: RedisConnection;
  readonly subscriber: RedisSubscriber;
}

export class RedisState implements StateStore {
  readonly name: string;
  readonly context: StateContext;

  constructor(context: StateContext) {
    this.name = context.connection.name;
    this.context = context;
  }
}
