/** What messages claim: the key of a unique one, and the id that a caller gave. */
import { createHash } from "node:crypto";
import type { Actor } from "./actor.js";
import type { Claim, ClaimNote } from "./claims.js";
import { InvalidInputError } from "./errors.js";
import type { Seal } from "./seal.js";

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
}

/** Longer keys are known by their hash. */
const LONGEST_KEY = 128;

/** What a message with this input claims; nothing for most. Throws `InvalidInputError` where the contract's key is none. */
export function claimingOf({ actor, seal, delay, id, idTtl }: Claimant, input: unknown): Claiming | undefined {
  const { name, unique } = actor;
  const ofId: readonly Claim[] =
    id === undefined ? [] : [{ key: `id:${name}:${id}`, ttl: delay + idTtl, from: "nobody" }];
  if (unique === undefined) {
    return id === undefined ? undefined : { claims: ofId, note: undefined, key: id, delay };
  }
  const text = keyOf(actor, input);
  // What is sealed is not told by the key either.
  const key = `unique:${name}:${seal !== undefined || text.length > LONGEST_KEY ? hash(text) : text}`;
  const debounced = unique.mode === "debounce" ? Math.max(unique.for, delay) : delay;
  const replaceable = unique.mode !== "drop";
  const claim: Claim = { key, ttl: debounced + unique.for, from: replaceable ? "anybody" : "nobody" };
  return {
    claims: [...ofId, claim],
    note: replaceable || unique.freeAtEnd ? { frees: unique.freeAtEnd ? [key] : [], replaceable } : undefined,
    key,
    delay: debounced,
  };
}

function keyOf({ name, unique }: Actor, input: unknown): string {
  let key: unknown;
  try {
    key = unique?.key(input);
  } catch (error) {
    throw noKey(
      name,
      `its "unique.key" threw ${error instanceof Error ? `${error.name}: ${error.message}` : "something"}`,
    );
  }
  if (typeof key === "string" || (typeof key === "number" && Number.isFinite(key))) return String(key);
  const shown = typeof key === "number" ? String(key) : typeof key;
  throw noKey(name, `its "unique.key" must return a string or a finite number; it returned ${shown}`);
}

function noKey(actor: string, message: string): InvalidInputError {
  return new InvalidInputError(actor, [{ path: "", message }]);
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
