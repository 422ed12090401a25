/**
 * A message on the wire: one JSON object, its header fields first and the input last.
 *
 * What is tried again or dead-lettered carries the input's very bytes, never a parsed value written anew: an older
 * worker cannot drop what a newer producer sent, and no number of an input is rounded on the way. Unknown header fields
 * are kept.
 */
import { defaults } from "../vocabulary/defaults.js";
import { UndecodableError } from "../vocabulary/errors.js";
import { messageOptionNames, type MessageOptions } from "../vocabulary/options.js";
import { fieldsOf, rawMember, readJson } from "./json.js";

/** What a message may grow by on its way, in bytes: the count of its attempts and crashes, and how they failed. */
const HEADROOM = 64 * 1024;
/** How many headers a message may have. */
export const MOST_HEADERS = 64;
/** How long an id, a name or an address may be, in characters. */
const LONGEST_NAME = 1024;

/** Texts that travel beside the input: a trace's context, a tenant, whatever middleware adds. */
export type Headers = Readonly<Record<string, string>>;

/** What a message says otherwise than its contract. Durations are in milliseconds. */
export type MessageOverrides = Readonly<Partial<Record<keyof MessageOptions, number>>>;

/** An attempt that failed before this one. */
export interface Failure {
  /** When it failed: milliseconds since 1970 by the worker's clock. For people; nothing is decided by it. */
  readonly at: number;
  readonly name: string;
  readonly message: string;
}

/** Where a message stands in a flow. */
export interface FlowPlace {
  /** The flow's. */
  readonly id: string;
  readonly node: number;
  /** The how manieth message for this node it is: only the first one that begins is run. */
  readonly copy: number;
}

/** What a message says of its claims on its way. */
export interface ClaimNote {
  /** The keys that it gives up at its end. */
  readonly frees: readonly string[];
  /** Whether another message may have taken its place. */
  readonly replaceable: boolean;
  /** Which sending it is, and all that it claims; only where the broker marks them. */
  readonly marked?: SendingNote;
}

/** What a message says of its sending, so that a worker can see to claims that its sender did not live to confirm. */
export interface SendingNote {
  readonly mark: string;
  /** Each key with how long it is claimed, in milliseconds. */
  readonly claims: readonly { readonly key: string; readonly ttl: number }[];
}

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
  /** Where it stood in the line of a limit when its turn came. */
  readonly turn: number | undefined;
  /** Where a waiting caller listens. */
  readonly reply: string | undefined;
  /** None where it has none. */
  readonly headers: Headers;
  /** When it is too old to be handled: milliseconds since 1970 by the broker's clock. */
  readonly expires: number | undefined;
  /** What it says otherwise than its contract. */
  readonly options: MessageOverrides | undefined;
  /** How earlier attempts failed, the oldest first; the middle ones of very many are left out. */
  readonly failures: readonly Failure[];
  /** What it has claimed; absent where there is nothing to be done about that. */
  readonly unique: ClaimNote | undefined;
  /** When it was first due, where it was sent with a delay: milliseconds since 1970 by the sender's clock. For people. */
  readonly due: number | undefined;
  /** Where it stands in a pipeline or a group. */
  readonly flow: FlowPlace | undefined;
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
  readonly headers?: Headers | undefined;
  readonly expires?: number | undefined;
  readonly due?: number | undefined;
  readonly options?: MessageOverrides | undefined;
  readonly unique?: ClaimNote | undefined;
  readonly flow?: FlowPlace | undefined;
  /** The input, already as JSON text. */
  readonly inputJson: string;
}

/** The bytes of a new message. `actor`, `v` and `encoding` are of our own making and hold nothing to escape. */
export function encodeEnvelope(init: EnvelopeInit): string {
  const { id, actor, v, at, reply, encoding, inputJson } = init;
  const replyField = reply === undefined ? "" : `,"reply":${JSON.stringify(reply)}`;
  const encodingField = encoding === undefined ? "" : `,"encoding":"${encoding}"`;
  const rest = `${replyField}${rareFields(init)}${encodingField}`;
  return `{"id":${JSON.stringify(id)},"actor":"${actor}","v":"${v}","at":${at}${rest},"input":${inputJson}}`;
}

/** Those that most messages do not have. */
function rareFields({ headers, expires, due, options, unique, flow }: EnvelopeInit): string {
  if ((headers ?? expires ?? due ?? options ?? unique ?? flow) === undefined) return "";
  const fields = { headers, expires, due, options, unique, flow };
  return `,${JSON.stringify(fields).slice(1, -1)}`;
}

/** An envelope of which nothing is known yet but that it is an object. */
type Fields = Partial<Readonly<Record<keyof Envelope, unknown>>>;

/** Reads a message. Throws `UndecodableError` for anything that is no envelope, is too large or too deep, or is hostile. */
export function decodeEnvelope(body: string): Envelope {
  const value = readJson(body, "the message", defaults.message.maxBytes + HEADROOM);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UndecodableError("the message is no JSON object");
  }
  const fields = value as Fields;
  const { id, actor, v, at, attempt = 1, crashes = 0, misses = 0, reply, encoding, input } = fields;
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
    turn: fields.turn === undefined ? undefined : count(fields.turn, "turn"),
    reply: reply === undefined ? undefined : text(reply, "reply"),
    headers: headersOf(fields.headers),
    expires: fields.expires === undefined ? undefined : count(fields.expires, "expires"),
    due: fields.due === undefined ? undefined : count(fields.due, "due"),
    options: fields.options === undefined ? undefined : overridesOf(fields.options),
    unique: fields.unique === undefined ? undefined : claimNoteOf(fields.unique),
    failures: fields.failures === undefined ? NO_FAILURES : failuresOf(fields.failures),
    flow: fields.flow === undefined ? undefined : placeOf(fields.flow),
    encoding: encoding === undefined ? undefined : text(encoding, "encoding"),
    input,
  };
}

/** Header fields and what they become. */
export type HeaderChanges = Readonly<Record<string, unknown>>;

/** The same message with some header fields changed (`undefined` removes one): same id, same unknown fields, same input bytes. */
export function reissue(body: string, changes: HeaderChanges): string {
  const { input: _, ...header } = { ...(JSON.parse(body) as Record<string, unknown>), ...changes };
  const json = JSON.stringify(header);
  return `${json.slice(0, -1)},"input":${rawMember(body, "input")}}`;
}

const NO_HEADERS: Headers = Object.freeze({});
const NO_FAILURES: readonly Failure[] = Object.freeze([]);

function headersOf(value: unknown): Headers {
  if (value === undefined) return NO_HEADERS;
  const entries = Object.entries(fieldsOf(value));
  if (Array.isArray(value) || entries.length > MOST_HEADERS)
    throw malformed("headers", `${MOST_HEADERS} texts at most`);
  for (const [, header] of entries) if (typeof header !== "string") throw malformed("headers", "texts by their names");
  return value as Headers;
}

/** What a newer producer says beside is not for this worker. */
function overridesOf(value: unknown): MessageOverrides {
  const fields = fieldsOf(value);
  const given = messageOptionNames.filter((name) => fields[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, count(fields[name], `options.${name}`)]));
}

function claimNoteOf(value: unknown): ClaimNote {
  const { frees, replaceable, marked } = fieldsOf(value);
  if (!Array.isArray(frees) || typeof replaceable !== "boolean") throw malformed("unique", "a note of claims");
  const note = { frees: frees.map((key) => text(key, "unique.frees")), replaceable };
  if (marked === undefined) return note;
  const { mark, claims } = fieldsOf(marked);
  if (!Array.isArray(claims)) throw malformed("unique.marked.claims", "a list of claims");
  const read = claims.map(fieldsOf).map(({ key, ttl }) => ({
    key: text(key, "unique.marked.claims.key"),
    ttl: count(ttl, "unique.marked.claims.ttl"),
  }));
  return { ...note, marked: { mark: text(mark, "unique.marked.mark"), claims: read } };
}

function failuresOf(value: unknown): readonly Failure[] {
  if (isFailures(value)) return value;
  throw malformed("failures", "a list of errors");
}

/** Whether a parsed value is a list of failures. */
export function isFailures(value: unknown): value is readonly Failure[] {
  return (
    Array.isArray(value) &&
    value
      .map(fieldsOf)
      .every(({ at, name, message }) => [typeof at, typeof name, typeof message].join() === "number,string,string")
  );
}

function placeOf(value: unknown): FlowPlace {
  const { id, node, copy } = fieldsOf(value);
  // It becomes part of other messages' ids.
  if (typeof id !== "string" || !/^[\w.-]{1,128}$/.test(id)) throw malformed("flow.id", "a text of letters and digits");
  return { id, node: count(node, "flow.node"), copy: count(copy, "flow.copy") };
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
