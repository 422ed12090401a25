/** An input on its way out: written as JSON, tagged and sealed where it has to be, and refused where no worker would read it. */
import { defaults } from "../vocabulary/defaults.js";
import type { EnvelopeInit } from "./envelope.js";
import { InvalidInputError, MessageTooLargeError } from "../vocabulary/errors.js";
import { isBounded, isClean } from "./json.js";
import type { Seal } from "./seal.js";
import { TAGGED, toTagged } from "../vocabulary/tagged.js";
import { sealValue } from "./wire-value.js";

/** The message that an input is for. */
export type InputOwner = Pick<EnvelopeInit, "id" | "actor" | "v">;

/** How an input travels. */
export interface InputForm {
  readonly tagged: boolean;
  readonly seal: Seal | undefined;
}

/** The input as the envelope takes it. Throws `InvalidInputError` for what is no JSON, too deep or hostile. */
export function encodeInput(
  owner: InputOwner,
  input: unknown,
  { tagged, seal }: InputForm,
): Pick<EnvelopeInit, "encoding" | "inputJson"> {
  const inputJson = toJson(owner.actor, tagged ? toTagged(input) : input);
  if (seal === undefined) return { encoding: tagged ? TAGGED : undefined, inputJson };
  const { id, actor, v } = owner;
  const { encoding, value } = sealValue(seal, inputJson, tagged, { kind: "input", id, actor, v });
  return { encoding, inputJson: JSON.stringify(value) };
}

/** Throws `MessageTooLargeError` for a message that no worker would read. */
export function assertSize(actor: string, body: string): void {
  const limit = defaults.message.maxBytes;
  // A UTF-16 unit has at most three bytes in UTF-8, so most messages need no exact count.
  if (body.length * 3 <= limit) return;
  const bytes = Buffer.byteLength(body);
  if (bytes > limit) throw new MessageTooLargeError(actor, bytes, limit);
}

/** What travels is the input as the producer gave it: defaults and transforms are the reader's, and run once. */
function toJson(actor: string, value: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value) as string | undefined;
  } catch (error) {
    throw unfit(actor, `it cannot be written as JSON: ${(error as Error).message}`);
  }
  if (json === undefined) throw unfit(actor, "it cannot be written as JSON");
  // One level is the envelope itself.
  const limit = defaults.message.maxDepth - 1;
  if (!isBounded(json, limit)) throw unfit(actor, `it is nested deeper than ${limit} levels`);
  if (!isClean(json, value)) throw unfit(actor, 'it has a key named "__proto__"');
  return json;
}

function unfit(actor: string, message: string): InvalidInputError {
  return new InvalidInputError(actor, [{ path: "", message }]);
}
