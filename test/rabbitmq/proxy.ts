/** A wire between a broker and its server that a test can cut, or hold still. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class Proxy {
  /** The server's URL, by way of this proxy. */
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(url: string, server: Server, sockets: Set<Socket>) {
    this.url = url;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async open(target: string): Promise<Proxy> {
    const url = new URL(target);
    const { hostname, port } = url;
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      const far = connect(Number(port), hostname);
      for (const socket of [near, far]) {
        socket.setNoDelay();
        sockets.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => {
          sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url.port = String((server.address() as AddressInfo).port);
    return new Proxy(url.href, server, sockets);
  }

  /** How many connections go through it. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** Cuts all connections; new ones may be made at once. */
  async cut(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    // Both ends learn of it from the network.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** Lets nothing through any more, in either direction, while all connections stay open. */
  freeze(): void {
    for (const socket of this.#sockets) socket.pause();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
