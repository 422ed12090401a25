/** Results on their way into the store, as scripts take them: by themselves, or with the acks of their messages. */
import type { Answer } from "../../seams/broker.js";
import { replyChannel, resultKeys } from "./keys.js";

/** Makes keys and arguments of results. */
export class Puts {
  readonly #prefix: string;
  /** What the channels of all processes begin with. */
  readonly #channels: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#channels = replyChannel(prefix, "");
  }

  /** Adds a result's key and four arguments. */
  add({ id, json, ttl, reply = "" }: Answer, keys: string[], args: (string | number)[]): void {
    keys.push(resultKeys(this.#prefix, id).result);
    // A message names its address itself: nothing else than a channel for results is published to.
    args.push(json, ttl, reply.startsWith(this.#channels) ? reply : "", id);
  }
}
