/**
 * A message on the wire: one JSON object, its header fields first and the input last.
 *
 * What is tried again or dead-lettered carries the input's very bytes, never a parsed value written anew: an older
 * worker cannot drop what a newer producer sent, and no number of an input is rounded on the way. Unknown header fields
 * are kept.
 */
import { defaults } from "./defaults.js";
import { UndecodableError } from "./errors.js";
import { rawMember, readJson } from "./json.js";

/** What a message may grow by on its way, in bytes: the count of its attempts and crashes. */
const HEADROOM = 1024;
/** How long an id, a name or an address may be, in characters. */
const LONGEST_NAME = 1024;

/** A message as it travels. */
export interface Envelope {
  /** Sortable by the time it was made (UUIDv7). */
  readonly id: string;
  /** The actor's name: `payments.processPayment`. */
  readonly actor: string;
  /** The fingerprint of the contract that it was sent with. */
  readonly v: string;
  /** When it was sent: milliseconds since 1970 by the sender's clock. For people; nothing is decided by it. */
  readonly at: number;
  /** Which attempt this is, from 1. On the wire only from the second on. */
  readonly attempt: number;
  /** How often a worker died or lost its lease while it held this message. Written by the broker. */
  readonly crashes: number;
  /** How often it met a worker that did not know its actor. On the wire only where that happened. */
  readonly misses: number;
  /** Where a waiting caller listens. */
  readonly reply: string | undefined;
  /** How the input is written; absent for plain JSON. */
  readonly encoding: string | undefined;
  /** The input as JSON read it; not yet validated. */
  readonly input: unknown;
}

/** What a sender says of a message. */
export interface EnvelopeInit {
  readonly id: string;
  readonly actor: string;
  readonly v: string;
  readonly at: number;
  readonly reply?: string | undefined;
  readonly encoding?: string | undefined;
  /** The input, already as JSON text. */
  readonly inputJson: string;
}

/** The bytes of a new message. `id`, `actor`, `v` and `encoding` are of our own making and hold nothing to escape. */
export function encodeEnvelope({ id, actor, v, at, reply, encoding, inputJson }: EnvelopeInit): string {
  const replyField = reply === undefined ? "" : `,"reply":${JSON.stringify(reply)}`;
  const encodingField = encoding === undefined ? "" : `,"encoding":"${encoding}"`;
  return `{"id":"${id}","actor":"${actor}","v":"${v}","at":${at}${replyField}${encodingField},"input":${inputJson}}`;
}

/** An envelope of which nothing is known yet but that it is an object. */
type Fields = Partial<Readonly<Record<keyof Envelope, unknown>>>;

/** Reads a message. Throws `UndecodableError` for anything that is no envelope, is too large or too deep, or is hostile. */
export function decodeEnvelope(body: string): Envelope {
  const value = readJson(body, "the message", defaults.message.maxBytes + HEADROOM);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UndecodableError("the message is no JSON object");
  }
  const { id, actor, v, at, attempt = 1, crashes = 0, misses = 0, reply, encoding, input } = value as Fields;
  // JSON has no undefined: a field that is there is something.
  if (input === undefined) throw new UndecodableError('the message has no field "input"');
  return {
    id: identifier(id),
    actor: text(actor, "actor"),
    v: text(v, "v"),
    at: count(at, "at"),
    attempt: count(attempt, "attempt"),
    crashes: count(crashes, "crashes"),
    misses: count(misses, "misses"),
    reply: reply === undefined ? undefined : text(reply, "reply"),
    encoding: encoding === undefined ? undefined : text(encoding, "encoding"),
    input,
  };
}

/** The same message with some header fields changed (`undefined` removes one): same id, same unknown fields, same input bytes. */
export function reissue(body: string, changes: Readonly<Record<string, number | undefined>>): string {
  const { input: _, ...header } = { ...(JSON.parse(body) as Record<string, unknown>), ...changes };
  const json = JSON.stringify(header);
  return `${json.slice(0, -1)},"input":${rawMember(body, "input")}}`;
}

function text(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "") throw malformed(name, "a text");
  // They become part of keys, of log lines and of errors.
  if (value.length > LONGEST_NAME) throw malformed(name, `a text of at most ${LONGEST_NAME} characters`);
  return value;
}

/** It stands in keys and, followed by a blank, in lines of text: in one that held either, somebody could write for another. */
function identifier(value: unknown): string {
  const id = text(value, "id");
  if (/\s/.test(id)) throw malformed("id", "a text without blanks");
  return id;
}

function count(value: unknown, name: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw malformed(name, "a whole number");
  return value;
}

function malformed(name: string, expected: string): UndecodableError {
  return new UndecodableError(`the message's field "${name}" is missing or is not ${expected}`);
}
