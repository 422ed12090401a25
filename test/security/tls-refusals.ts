/** What is said where certificates do not fit: the same on every broker. */
import type { ConnectionOptions } from "node:tls";
import { expect, test } from "vitest";
import type { Authority, Certificate } from "../setup/certificates.js";

/** A server that wants client certificates, and who made them. */
export interface TlsVenue {
  readonly url: string;
  readonly authority: Authority;
  /** Whose certificates nobody here trusts. */
  readonly stranger: Authority;
  readonly client: Certificate;
}

/** Declares the tests, which wait side by side; `errorOf` is what using such a server ends with. */
export function refusesWhatDoesNotFit(
  venue: () => TlsVenue,
  errorOf: (url: string, options: { readonly tls: ConnectionOptions }) => Promise<Error>,
): void {
  test.concurrent("an authority that is not known is to be named", async () => {
    const { url, stranger, client } = venue();
    const { cert, key } = client;
    const text = /has a certificate that is not trusted \(.*\): name its authority in the option "tls": { ca }/;
    expect((await errorOf(url, { tls: { cert, key } })).message).toMatch(text);
    expect((await errorOf(url, { tls: { cert, key, ca: stranger.cert } })).message).toMatch(text);
  });

  test.concurrent("a certificate for another name is not taken", async () => {
    const { url, authority, client } = venue();
    const tls = { ca: authority.cert, cert: client.cert, key: client.key };
    const error = await errorOf(url.replace("localhost", "127.0.0.1"), { tls });
    expect(error.message).toMatch(/has a certificate for another name \(.*127\.0\.0\.1.*\): .* "tls": { servername }/);
  });

  test.concurrent("a server that wants a client certificate says so", async () => {
    const { url, authority } = venue();
    const error = await errorOf(url, { tls: { ca: authority.cert } });
    expect(error.message).toMatch(/wants a client certificate.*"tls": { cert, key }/);
  });

  test.concurrent("a client certificate from a stranger is not taken", async () => {
    const { url, authority, stranger } = venue();
    const { cert, key } = await stranger.issue("client");
    const error = await errorOf(url, { tls: { ca: authority.cert, cert, key } });
    expect(error.message).toMatch(
      /(does not accept the client certificate|perhaps it wants .* another one).*"tls": { cert, key }/,
    );
  });
}
