/**
 * Seals what travels: AES-256-GCM under a named key, with a random nonce. What it belongs to is sealed with it, so that
 * nobody without the key can read it, alter it, or put it into another message.
 */
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from "node:crypto";
import { InvalidOptionError, UnsealableError } from "../vocabulary/errors.js";
import { refuseUnknownOptions } from "../support/given-options.js";

/** Which keys there are. */
export interface SealOptions {
  /** The id of the key that is written with. */
  readonly current: string;
  /** Every key that may be read with, by id: 32 bytes, or their base64. */
  readonly keys: Readonly<Record<string, string | Uint8Array>>;
  /** A worker takes nothing that is not sealed. Default: false. */
  readonly required?: boolean;
}

/** A sealed text as it travels. */
export interface Sealed {
  /** The id of its key. */
  readonly key: string;
  /** Nonce, tag and ciphertext, as base64. */
  readonly sealed: string;
}

/** What a text belongs to, down to the smallest part that must not be exchanged. */
export type Belonging = readonly string[];

/** Seals texts and opens them. */
export interface Seal {
  readonly required: boolean;
  close(text: string, belonging: Belonging): Sealed;
  /** Throws `UnsealableError` for a key that is not here, and for what was altered or belongs elsewhere. */
  open(sealed: unknown, belonging: Belonging): string;
}

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
// 96 bits, the length that GCM is made for (NIST SP 800-38D, section 8.2.2: at most 2^32 random ones for one key).
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID = /^[\w.-]{1,64}$/;

/** Makes a seal of keys, to be given to `createClient` and `createWorker`. */
export function createSeal(options: SealOptions): Seal {
  refuseUnknownOptions("createSeal", options, ["current", "keys", "required"] satisfies (keyof SealOptions)[]);
  const { current, keys, required = false } = options;
  return new GcmSeal(current, new Map(Object.entries(keys).map(([id, key]) => [id, readKey(id, key)])), required);
}

class GcmSeal implements Seal {
  // Private, so that no logger prints them.
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #current: string;
  readonly #key: KeyObject;

  constructor(
    current: string,
    keys: ReadonlyMap<string, KeyObject>,
    readonly required: boolean,
  ) {
    const key = keys.get(current);
    if (key === undefined) {
      throw new InvalidOptionError(`"current" must be the id of one of the keys (${[...keys.keys()].join(", ")}).`);
    }
    this.#current = current;
    this.#keys = keys;
    this.#key = key;
  }

  close(text: string, belonging: Belonging): Sealed {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associated(this.#current, belonging));
    const ciphertext = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return { key: this.#current, sealed: Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString("base64") };
  }

  open(value: unknown, belonging: Belonging): string {
    const { key: id, sealed } = readSealed(value);
    const key = this.#keys.get(id);
    if (key === undefined) {
      throw new UnsealableError(
        `it is sealed with the key ${JSON.stringify(id)}; the keys here are ${[...this.#keys.keys()].join(", ")}`,
      );
    }
    const bytes = Buffer.from(sealed, "base64");
    try {
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(associated(id, belonging));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      const opened = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([opened, decipher.final()]).toString("utf8");
    } catch {
      throw new UnsealableError(
        `its seal does not open with the key "${id}": it was altered, it was taken from another message, or the key is another one`,
      );
    }
  }
}

function associated(key: string, belonging: Belonging): Buffer {
  return Buffer.from(JSON.stringify([key, ...belonging]));
}

function readKey(id: string, key: unknown): KeyObject {
  if (!KEY_ID.test(id)) {
    throw new InvalidOptionError(
      `The id of a key may hold 1 to 64 letters, digits and . _ -; one is ${JSON.stringify(id)}.`,
    );
  }
  const bytes = typeof key === "string" ? Buffer.from(key, "base64") : key;
  if (bytes instanceof Uint8Array && bytes.length === KEY_BYTES) return createSecretKey(bytes);
  // Never what it is: it may be a key all the same.
  throw new InvalidOptionError(
    `The key "${id}" must be ${KEY_BYTES} bytes, or their base64. Make one: openssl rand -base64 ${KEY_BYTES}.`,
  );
}

function readSealed(value: unknown): Sealed {
  const { key, sealed } = (typeof value === "object" && value !== null ? value : {}) as Partial<Sealed>;
  if (typeof key === "string" && KEY_ID.test(key) && typeof sealed === "string") return { key, sealed };
  throw new UnsealableError("it says that it is sealed, and is not");
}
