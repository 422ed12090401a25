/** A small web site on a free port of this machine, so that there is something to fetch without the internet. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const pages: Readonly<Record<string, string>> = {
  "/": "<!doctype html><title>The Callboard Theatre</title><p>Tonight: The Cherry Orchard.",
  "/calls": "<!doctype html><title>Calls for tonight</title><ul><li>18:30 the half<li>19:00 beginners</ul>",
};

/** A site that is being served. */
export interface Site {
  /** Such as `http://127.0.0.1:43210`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the pages `/` and `/calls`; every other address is answered with 404. */
export async function startSite(): Promise<Site> {
  const server = createServer(({ url = "/" }, response) => {
    const page = pages[url];
    response.writeHead(page === undefined ? 404 : 200, { "content-type": "text/html", connection: "close" });
    response.end(page ?? "<!doctype html><title>Not here</title>");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
