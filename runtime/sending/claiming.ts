/** What messages claim: the key of a unique one, and the id that a caller gave. */
import { createHash, randomUUID } from "node:crypto";
import type { Actor } from "../actor.js";
import { copyKey, type Claim } from "../seams/claims.js";
import { InvalidInputError } from "../vocabulary/errors.js";
import { PROGRESS_TTL } from "../seams/schedules.js";
import type { Seal } from "../wire/seal.js";
import { KEY_RULE, keyOf } from "../vocabulary/key.js";
import type { Unique } from "../vocabulary/unique.js";
import type { ClaimNote, SendingNote } from "../wire/envelope.js";

/** A message's claims, and what goes with them. */
export interface Claiming {
  readonly claims: readonly Claim[];
  /** What travels with the message; nothing where there is nothing to be done at its end. */
  readonly note: ClaimNote | undefined;
  /** What decides on the message's partition where nothing else does. */
  readonly key: string;
  /** Milliseconds to hold the message back. */
  readonly delay: number;
}

/** What is known of a message that is to claim something. */
export interface Claimant {
  readonly actor: Actor;
  readonly seal: Seal | undefined;
  /** How long it is to be held back, in milliseconds. */
  readonly delay: number;
  /** The id that the caller gave. */
  readonly id: string | undefined;
  /** How long that is accepted only once, in milliseconds. */
  readonly idTtl: number;
  /** Whether the broker marks sendings. */
  readonly marks: boolean;
  /** What it claims beside, such as its tick. */
  readonly beside?: (Pick<Claiming, "claims" | "key"> & Pick<ClaimNote, "frees">) | undefined;
}

/** Longer keys are known by their hash. */
const LONGEST_KEY = 128;

/** What a message of this id and with this input claims. Throws `InvalidInputError` where the contract's key is none. */
export function claimingOf(claimant: Claimant, messageId: string, input: unknown): Claiming {
  const { actor, id, beside } = claimant;
  const unique = actor.unique === undefined ? undefined : uniqueClaim(claimant, actor.unique, input);
  const delay = unique?.delay ?? claimant.delay;
  const ofId: readonly Claim[] =
    id === undefined ? [] : [{ key: `id:${actor.name}:${id}`, ttl: delay + claimant.idTtl, from: "nobody" }];
  const frees = [...(beside?.frees ?? []), ...(unique?.frees ?? [])];
  const replaceable = unique?.replaceable === true;
  const ofUnique = unique === undefined ? [] : [unique.claim];
  const all = [...(beside?.claims ?? []), ...ofId, ...copyClaim(claimant, messageId, delay), ...ofUnique];
  const mark = claimant.marks ? randomUUID() : undefined;
  return {
    claims: mark === undefined ? all : all.map((claim) => ({ ...claim, mark })),
    note: noteOf(frees, replaceable, mark && { mark, claims: keptOf(all) }),
    key: unique?.claim.key ?? beside?.key ?? id ?? "",
    delay,
  };
}

/** Tells several sendings of one id apart, which only a broker that marks them may have. */
function copyClaim({ marks, id, idTtl, beside }: Claimant, messageId: string, delay: number): readonly Claim[] {
  if (!marks || (id === undefined && beside === undefined)) return [];
  return [{ key: copyKey(messageId), ttl: delay + (id === undefined ? PROGRESS_TTL : idTtl), from: "nobody" }];
}

/** What a worker can see to: what is numbered is known by the id of its number. */
function keptOf(claims: readonly Claim[]): SendingNote["claims"] {
  return claims.flatMap(({ key, ttl, from }) => (typeof from === "string" ? [{ key, ttl: Math.ceil(ttl) }] : []));
}

function noteOf(frees: readonly string[], replaceable: boolean, marked: SendingNote | undefined) {
  if (frees.length === 0 && !replaceable && marked === undefined) return undefined;
  return { frees, replaceable, ...(marked && { marked }) };
}

/** The claim of a unique message, and what follows from it. */
function uniqueClaim({ actor, seal, delay: asked }: Claimant, unique: Unique, input: unknown) {
  const text = keyText(actor.name, unique, input);
  // What is sealed is not told by the key either.
  const key = `unique:${actor.name}:${seal !== undefined || text.length > LONGEST_KEY ? hash(text) : text}`;
  const delay = unique.mode === "debounce" ? Math.max(unique.for, asked) : asked;
  const replaceable = unique.mode !== "drop";
  const claim: Claim = { key, ttl: delay + unique.for, from: replaceable ? "anybody" : "nobody" };
  return { claim, delay, replaceable, frees: unique.freeAtEnd ? [key] : [] };
}

function keyText(name: string, unique: Unique, input: unknown): string {
  const key = keyOf(unique.key, input);
  if (key.fault === undefined) return key.text;
  throw new InvalidInputError(name, [{ path: "", message: `its "unique.key" ${KEY_RULE}; it ${key.fault}` }]);
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
