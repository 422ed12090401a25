/** Middleware on the producer's side: an onion around the sending of each message. */
import type { Actor } from "../actor.js";
import type { Headers } from "../wire/envelope.js";
import { arrange, type MaybePlaced } from "../middleware.js";
import { assertOutgoing } from "./send-options.js";

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
  const layers = arrange<ClientMiddleware, ClientMiddleware>([], given, guarded);
  if (layers.length === 0) return undefined;
  return (message, innermost) =>
    layers.reduceRight<SendNext>(
      (next, { layer }) =>
        async (each) =>
          layer(each, next),
      async (each) => {
        assertOutgoing(`${message.actor.name}: a middleware`, each);
        await innermost(each);
      },
    )(message);
}

/** A user's middleware, held to its type: it passes on a message, and not again one that was sent. */
function guarded(middleware: ClientMiddleware): ClientMiddleware {
  const name = middleware.name || "middleware";
  return (message, next) => {
    let passed = false;
    return middleware(message, async (given: Outgoing | undefined) => {
      if (given === undefined) throw new TypeError(`${name}: next() was given no message: next(message)`);
      if (passed) throw new TypeError(`${name}: next() was called twice for one message`);
      passed = true;
      try {
        await next(given);
      } catch (error) {
        // What was not sent may be tried again.
        passed = false;
        throw error;
      }
    });
  };
}
