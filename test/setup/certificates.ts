/** Certificates for tests, made by openssl when they are wanted: none is kept in the repository. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { requireProgram, type Requirement } from "./install.js";
import { serverDirectory } from "./program.js";

/** A certificate and its private key, as PEM texts and as the files that hold them. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** What signs certificates: whoever trusts its own one trusts all of them. */
export interface Authority extends Certificate {
  /** A certificate for these names (`DNS:localhost`, `IP:127.0.0.1`). */
  issue(name: string, ...names: readonly string[]): Promise<Certificate>;
}

const openssl: Requirement = { program: "openssl", package: "openssl" };

/** Nothing of the machine's own settings. */
const CONFIG = "[req]\ndistinguished_name = name\n[name]\n";

/** Makes an authority of one's own. */
export async function createAuthority(): Promise<Authority> {
  const directory = serverDirectory("tls");
  writeFileSync(join(directory, "openssl.cnf"), CONFIG);
  const own = await request(directory, "authority", ["-addext", "basicConstraints=critical,CA:TRUE"]);
  const signed = ["-CA", own.certFile, "-CAkey", own.keyFile, "-addext", "basicConstraints=critical,CA:FALSE"];
  return {
    ...own,
    issue: (name, ...names) =>
      request(directory, name, [...signed, "-addext", `subjectAltName=${names.join(",") || `DNS:${name}`}`]),
  };
}

async function request(directory: string, name: string, args: readonly string[]): Promise<Certificate> {
  const certFile = join(directory, `${name}.crt`);
  const keyFile = join(directory, `${name}.key`);
  await promisify(execFile)(await requireProgram(openssl), [
    ...["req", "-x509", "-config", join(directory, "openssl.cnf"), "-days", "2", "-subj", `/CN=${name}`],
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-out", certFile, "-keyout", keyFile],
    ...args,
  ]);
  return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8"), certFile, keyFile };
}
