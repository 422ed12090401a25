/** TLS as every broker uses it: options checked before anything is connected, and what goes wrong said with its remedy. */
import { createSecureContext, type ConnectionOptions } from "node:tls";
import { InvalidOptionError } from "../vocabulary/errors.js";

/** How the two kinds of URL of a broker begin: `redis://` and `rediss://`. */
export interface Schemes {
  readonly plain: string;
  readonly secure: string;
}

/** Refuses options that no connection could be made with: a path where a certificate should be, a key of another one. */
export function checkTls(options: ConnectionOptions): void {
  try {
    createSecureContext(options);
  } catch (error) {
    throw new InvalidOptionError(
      `"tls" cannot be used: ${reasonOf(error)}. "ca", "cert" and "key" are the contents of PEM files, not their paths.`,
    );
  }
}

/** What TLS has to do with a failure, and what to do about it: the end of a sentence; `undefined` where it is another. */
export function tlsTrouble(thrown: unknown, { plain }: Schemes): string | undefined {
  const code = codeOf(thrown);
  const known = troubles.find(({ codes }) => codes.test(code));
  if (known !== undefined) return known.say(reasonOf(thrown));
  if (code !== "EPROTO" && !code.startsWith("ERR_SSL_")) return undefined;
  if (!NO_TLS.test(reasonOf(thrown))) return `ended the TLS handshake: ${reasonOf(thrown)}`;
  return `does not speak TLS on this port: write ${plain}, or name the port for TLS.`;
}

/** What may be behind it that a server said nothing, or hung up, before a connection was made; `undefined` where nothing is known. */
export function suspicion(what: "silence" | "hang-up", tls: boolean, { plain, secure }: Schemes): string | undefined {
  if (!tls) return what === "hang-up" ? `if this port expects TLS, write ${secure}.` : undefined;
  const other = `it does not speak TLS on this port: then write ${plain}.`;
  // With TLS 1.3 a client believes that all is well before the server has looked at its certificate.
  return what === "hang-up"
    ? `perhaps it wants a client certificate, or another one, "tls": { cert, key }; or ${other}`
    : `perhaps ${other}`;
}

/** What OpenSSL says of an answer that is no TLS. */
const NO_TLS = /wrong version number|packet length too long/;

interface Trouble {
  readonly codes: RegExp;
  readonly say: (reason: string) => string;
}

const troubles: readonly Trouble[] = [
  {
    codes:
      /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE)$/,
    say: (reason) =>
      `has a certificate that is not trusted (${reason}): name its authority in the option "tls": { ca }.`,
  },
  {
    codes: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    say: (reason) =>
      `has a certificate for another name (${reason}): write a host that stands in it, ` +
      'or the name to expect as "tls": { servername }.',
  },
  {
    codes: /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|CERT_REVOKED)$/,
    say: (reason) => `has a certificate that is not valid (${reason}): renew it, and look at this machine's clock.`,
  },
  {
    codes: /^ERR_SSL_(TLSV13_ALERT_CERTIFICATE_REQUIRED|SSLV3_ALERT_HANDSHAKE_FAILURE)$/,
    say: (reason) => `wants a client certificate (${reason}): give it as "tls": { cert, key }.`,
  },
  {
    codes:
      /^ERR_SSL_(TLSV1_ALERT_UNKNOWN_CA|(SSLV3|TLSV1)_ALERT_(BAD_|UNSUPPORTED_)?CERTIFICATE\w*|TLSV1_ALERT_DECRYPT_ERROR)$/,
    say: (reason) =>
      `does not accept the client certificate (${reason}): "tls": { cert, key } must come from an authority that the server trusts.`,
  },
  {
    codes: /^ERR_SSL_(TLSV1_ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE)$/,
    say: (reason) => `speaks other versions of TLS (${reason}): look at "minVersion" and "maxVersion" on both sides.`,
  },
];

function codeOf(thrown: unknown): string {
  return typeof thrown === "object" && thrown !== null && "code" in thrown ? String(thrown.code) : "";
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** OpenSSL's words without its numbers and the places in its source. */
function reasonOf(thrown: unknown): string {
  const text = textOf(thrown).trim();
  return /error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(text)?.[1] ?? text.replace(/[.,:;\s]+$/, "");
}
