/** A wire between a process and its server that a test can cut, hold still, slow down and starve. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";

/** What the wire does to all that goes through it. */
type Weather =
  | { readonly kind: "fair" }
  /** Nothing arrives, not even the end of a connection, and both sides still believe in it. */
  | { readonly kind: "frozen" }
  | { readonly kind: "slow"; readonly latency: number }
  | { readonly kind: "trickling" }
  /** New connections are refused. */
  | { readonly kind: "severed" };

export class Proxy {
  /** The server's URL, by way of this proxy. */
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #weather: Weather = { kind: "fair" };
  #thaw: () => void = () => undefined;
  #thawed: Promise<void> = Promise.resolve();

  private constructor(url: string, server: Server) {
    this.url = url;
    this.#server = server;
  }

  static async open(target: string): Promise<Proxy> {
    const url = new URL(target);
    const { hostname, port } = url;
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url.port = String((server.address() as AddressInfo).port);
    const proxy = new Proxy(url.href, server);
    server.on("connection", (near) => proxy.#accept(near, () => connect(Number(port), hostname)));
    return proxy;
  }

  /** How many connections go through it. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** Cuts all connections; new ones may be made at once. */
  async cut(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    // Both ends learn of it from the network.
    await sleep(50);
  }

  /** Cuts all connections, and refuses new ones until `restore()`. */
  async sever(): Promise<void> {
    this.#become({ kind: "severed" });
    await this.cut();
  }

  /**
   * A black hole until `restore()`: nothing passes in either direction, connections stay open and new ones are taken.
   * What was on its way arrives afterwards, late.
   */
  freeze(): void {
    this.#become({ kind: "frozen" });
  }

  /** Everything takes so many milliseconds longer in each direction, until `restore()`. */
  delay(latency: number): void {
    this.#become({ kind: "slow", latency });
  }

  /** Everything arrives one byte at a time, until `restore()`. */
  trickle(): void {
    this.#become({ kind: "trickling" });
  }

  /** A good network again. */
  restore(): void {
    this.#become({ kind: "fair" });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.restore();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #become(weather: Weather): void {
    this.#weather = weather;
    this.#thaw();
    const frozen = weather.kind === "frozen";
    this.#thawed = frozen ? new Promise((resolve) => (this.#thaw = resolve)) : Promise.resolve();
    // Who is not read from cannot write for ever: the senders feel it, as they do in a real network.
    for (const socket of this.#sockets) {
      if (frozen) socket.pause();
      else socket.resume();
    }
  }

  #accept(near: Socket, dial: () => Socket): void {
    if (this.#weather.kind === "severed") {
      near.on("error", () => undefined);
      near.resetAndDestroy();
      return;
    }
    const far = dial();
    for (const socket of [near, far]) {
      socket.setNoDelay();
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
    }
    this.#carry(near, far);
    this.#carry(far, near);
  }

  /** One direction of a connection. What goes in comes out in order, whatever the weather was in the meantime. */
  #carry(from: Socket, to: Socket): void {
    let last = Promise.resolve();
    from.on("data", (chunk: Buffer) => {
      const due = performance.now() + (this.#weather.kind === "slow" ? this.#weather.latency : 0);
      last = last.then(() => this.#deliver(chunk, to, due));
    });
    from.on("close", () => {
      this.#sockets.delete(from);
      void last.then(() => this.#thawed).then(() => to.destroySoon());
    });
    if (this.#weather.kind === "frozen") from.pause();
  }

  async #deliver(chunk: Buffer, to: Socket, due: number): Promise<void> {
    const early = due - performance.now();
    if (early > 0) await sleep(early);
    await this.#thawed;
    let sent = 0;
    for (; this.#weather.kind === "trickling" && sent < chunk.length; sent++) {
      write(to, chunk.subarray(sent, sent + 1));
      await nextTurn();
    }
    if (sent < chunk.length) write(to, chunk.subarray(sent));
  }
}

function write(socket: Socket, chunk: Buffer): void {
  if (socket.writable) socket.write(chunk);
}
