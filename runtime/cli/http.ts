/** A small HTTP listener for whoever watches over the workers: `/healthz`, `/readyz` and `/metrics`. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Failure, UsageError } from "./exit.js";

/** Where to listen. Port 0 stands for any that is free. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a path answers. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What answers, by path. */
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

/** A listener, and where it is found: `http://127.0.0.1:9191`. */
export interface Listener {
  readonly url: string;
  close(): void;
}

/** Reads `host:port`; an IPv6 address stands in brackets. */
export function readAddress(text: string): Address {
  const [, host, port] = /^(\[[\da-f:.]+\]|[^:[\]\s]+):(\d{1,5})$/i.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new UsageError(`--http must be an address such as 127.0.0.1:9191; it is "${text}".`);
  }
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** An answer of one value as JSON. */
export function json(status: number, value: unknown): Answer {
  return { status, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

/** An answer of one line. */
export function text(status: number, line: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${line}\n` };
}

/** Begins to listen. Throws a Failure where that cannot be, such as for a port that is in use. */
export async function listen({ host, port }: Address, routes: Routes): Promise<Listener> {
  const server = createServer((request, response) => void respond(routes, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(new Failure(explain(error, host, port))));
    server.listen(port, host, resolve);
  });
  const { address, port: actual, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${actual}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function respond(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, type, body } = await answer(routes, request).catch((error: unknown) => text(500, String(error)));
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function answer(routes: Routes, { method, url = "" }: IncomingMessage): Promise<Answer> {
  const [path = ""] = url.split("?");
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) return text(404, `There are ${Object.keys(routes).join(", ")}.`);
  if (method !== "GET" && method !== "HEAD") return text(405, "Only GET and HEAD are answered.");
  return route();
}

function explain({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  const where = `--http ${host}:${port}`;
  if (code === "EADDRINUSE") return `${where}: the port is in use.`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return `${where}: this machine has no such address.`;
  if (code === "EACCES") return `${where}: the port needs a right that this user has not.`;
  return `${where}: ${message}`;
}
