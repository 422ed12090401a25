/** An input or an output as it travels: plain JSON, tagged, sealed, or tagged and then sealed. Its encoding says which. */
import { defaults } from "../vocabulary/defaults.js";
import { InvalidOptionError, UndecodableError, UnsealableError } from "../vocabulary/errors.js";
import { readJson } from "./json.js";
import type { Seal, Sealed } from "./seal.js";
import { fromTagged, TAGGED } from "../vocabulary/tagged.js";

const SEALED = "sealed";
const TAGGED_AND_SEALED = `${TAGGED}+${SEALED}`;

/** What a sealed value belongs to. */
export interface ValueOwner {
  readonly kind: "input" | "output" | "progress";
  /** The message's. */
  readonly id: string;
  readonly actor: string;
  /** The contract's fingerprint, of an input. */
  readonly v?: string;
}

/** The seal that a person gave as an option, where it is one. */
export function checkSeal(seal: Seal | undefined): Seal | undefined {
  if (seal === undefined || typeof seal.close === "function") return seal;
  throw new InvalidOptionError('"seal" must be what createSeal({ current, keys }) returns.');
}

/** Whether an encoding says that its value is sealed. */
export function isSealed(encoding: string | undefined): boolean {
  return encoding === SEALED || encoding === TAGGED_AND_SEALED;
}

/** Seals a value that is JSON already; `undefined` has none. */
export function sealValue(
  seal: Seal,
  json: string | undefined,
  tagged: boolean,
  owner: ValueOwner,
): { readonly encoding: string; readonly value: Sealed } {
  const encoding = tagged ? TAGGED_AND_SEALED : SEALED;
  return { encoding, value: seal.close(json ?? "", belonging(owner, encoding)) };
}

/**
 * What a value was before it travelled. Throws `UndecodableError` for an encoding that is not known, and
 * `UnsealableError` where a seal does not open, or is missing where it is required.
 */
export function readValue(
  value: unknown,
  encoding: string | undefined,
  owner: ValueOwner,
  seal: Seal | undefined,
  required = seal?.required,
): unknown {
  if (!isSealed(encoding)) {
    if (required === true) throw unsealable(owner, "it is not sealed, and only what is sealed is taken here");
    return revive(value, encoding, owner);
  }
  if (seal === undefined) throw unsealable(owner, 'it is sealed, and there are no keys here: give them as "seal"');
  return revive(unseal(value, encoding, owner, seal), encoding === SEALED ? undefined : TAGGED, owner);
}

function revive(value: unknown, encoding: string | undefined, { kind }: ValueOwner): unknown {
  if (encoding === undefined) return value;
  if (encoding === TAGGED) return fromTagged(value);
  throw new UndecodableError(`the ${kind} is encoded as ${JSON.stringify(encoding)}, which cannot be read here`);
}

function unseal(value: unknown, encoding: string | undefined, owner: ValueOwner, seal: Seal): unknown {
  let json: string;
  try {
    json = seal.open(value, belonging(owner, encoding));
  } catch (error) {
    throw error instanceof UnsealableError ? unsealable(owner, error.message) : error;
  }
  return json === "" ? undefined : readJson(json, `the sealed ${owner.kind}`, defaults.message.maxBytes);
}

function belonging({ kind, id, actor, v = "" }: ValueOwner, encoding = ""): readonly string[] {
  return [kind, id, actor, v, encoding];
}

function unsealable({ kind }: ValueOwner, why: string): UnsealableError {
  return new UnsealableError(`the ${kind} cannot be opened: ${why}`);
}
