/** What was sent, as a test reads it. */
import type { Publication } from "../seams/broker.js";
import { decodeEnvelope, type Headers, type MessageOverrides } from "../wire/envelope.js";
import type { Seal } from "../wire/seal.js";
import { readValue } from "../wire/wire-value.js";

/** A message that was sent to an actor. */
export interface Sent<Input> {
  readonly id: string;
  /** What the producer gave. */
  readonly input: Input;
  readonly queue: string;
  /** 0 to 9, higher first. */
  readonly priority: number;
  /** How long it was to be held back, in milliseconds. */
  readonly delay: number;
  readonly headers: Headers;
  /** What it says otherwise than its contract; durations in milliseconds. */
  readonly options: MessageOverrides;
  /** When it was sent, by the kit's clock. */
  readonly at: Date;
}

/** The messages to one actor, in the order in which they were sent. The inputs have passed the actor's own check. */
export function readSent<Input>(
  messages: readonly Publication[],
  actor: string,
  seal: Seal | undefined,
): readonly Sent<Input>[] {
  return messages.flatMap(({ id, queue, priority, delay, body }) => {
    const envelope = decodeEnvelope(body);
    if (envelope.actor !== actor) return [];
    const owner = { kind: "input", id, actor, v: envelope.v } as const;
    const input = readValue(envelope.input, envelope.encoding, owner, seal, false);
    const { headers, options = {}, at } = envelope;
    return [{ id, input: input as Input, queue, priority, delay, headers, options, at: new Date(at) }];
  });
}
