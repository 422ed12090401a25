/** Middleware on the producer's side: an onion around the sending of each message. */
import type { Actor } from "../actor.js";
import type { Headers } from "../wire/envelope.js";
import { arrange, type MaybePlaced } from "../middleware.js";

/** A message that is about to be sent. */
export interface Outgoing {
  /** Sortable by the time it was made (UUIDv7). */
  readonly id: string;
  readonly actor: Actor;
  /** What the producer gave; not validated yet. */
  readonly input: unknown;
  readonly headers: Headers;
  /** 0 to 9, higher first. */
  readonly priority: number;
  /** Milliseconds. */
  readonly delay: number;
}

/** Sends the message as it is given to it: the same one, or a copy with another input, other headers and so on. */
export type SendNext = (message: Outgoing) => Promise<void>;

/**
 * Wraps the sending of a message: does something before and after `next(message)`. What it throws is what `send` throws;
 * where it does not go on, nothing is sent and `send` rejects with `NotSentError`.
 */
export type ClientMiddleware = (message: Outgoing, next: SendNext) => Promise<void>;

/** Sends a message through all middleware, the first outermost. `innermost` hands it to the broker. */
export type SendThrough = (message: Outgoing, innermost: SendNext) => Promise<void>;

/** One way out of many layers; `undefined` where there are none. */
export function composeClient(given: readonly MaybePlaced<ClientMiddleware>[]): SendThrough | undefined {
  const layers = arrange<ClientMiddleware, ClientMiddleware>([], given, (middleware) => middleware);
  if (layers.length === 0) return undefined;
  return (message, innermost) =>
    layers.reduceRight<SendNext>(
      (next, { layer }) =>
        async (each) =>
          layer(each, next),
      innermost,
    )(message);
}
