/**
 * One connection to RabbitMQ: made at first use, made again after every loss, to one node of the cluster after the other
 * until one answers. Its errors are in our own words.
 */
import type { ConnectionOptions } from "node:tls";
import {
  connect,
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type Options,
  type SocketOptions,
} from "amqplib";
import { maskUrl } from "../../support/given-options.js";
import { BrokerClosedError, BrokerRefusedError, InvalidOptionError } from "../../vocabulary/errors.js";
import { gatherWrites } from "../../support/gather.js";
import { outside } from "../../support/outside.js";
import { checkTls } from "../../support/tls.js";
import { translate, type Place } from "./errors.js";
import { socketOf } from "./socket.js";

/** Where a RabbitMQ server is and how to log in. */
export interface RabbitmqAddress extends Place {
  readonly options: Options.Connect;
  readonly tlsOptions: ConnectionOptions;
}

/** Reads an `amqp:` or `amqps:` URL. */
function rabbitmqAddress(target: string, tlsOptions?: ConnectionOptions): RabbitmqAddress {
  let url: URL;
  try {
    url = new URL(target);
  } catch {
    // What was thrown holds the URL, and so the password.
    throw new InvalidOptionError(`${maskUrl(target)} is no URL. Write amqp://host:port/vhost, or amqps:// for TLS.`);
  }
  if (url.protocol !== "amqp:" && url.protocol !== "amqps:") {
    throw new InvalidOptionError(
      `${maskUrl(target)} is no RabbitMQ URL: it begins with "${url.protocol}", not "amqp:" or "amqps:".`,
    );
  }
  if (url.search !== "") {
    throw new InvalidOptionError(`${maskUrl(target)}: a RabbitMQ URL takes no parameters here; give them as options.`);
  }
  if (url.pathname.indexOf("/", 1) !== -1) {
    throw new InvalidOptionError(
      `${maskUrl(target)}: the path is the name of a virtual host; write a slash in it as %2F.`,
    );
  }
  const tls = url.protocol === "amqps:";
  if (tlsOptions !== undefined) {
    if (!tls) throw new InvalidOptionError(`${maskUrl(target)} is not encrypted: with "tls", write amqps://.`);
    checkTls(tlsOptions);
  }
  const hostname = url.hostname === "" ? "localhost" : url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (tls ? 5671 : 5672) : Number(url.port);
  const anonymous = url.username === "" && url.password === "";
  const user = anonymous ? "guest" : decodeURIComponent(url.username);
  const password = anonymous ? "guest" : decodeURIComponent(url.password);
  const vhost = url.pathname.length > 1 ? decodeURIComponent(url.pathname.slice(1)) : "/";
  return {
    // amqplib decodes the virtual host once more.
    options: {
      protocol: url.protocol.slice(0, -1),
      hostname,
      port,
      username: user,
      password,
      vhost: encodeURIComponent(vhost),
    },
    tlsOptions: tlsOptions ?? {},
    name: `rabbitmq ${hostname}:${port}/${vhost === "/" ? "" : vhost}`,
    user,
    vhost,
    tls,
  };
}

/** The nodes of one cluster, in the order in which they are tried; never none. */
export type RabbitmqAddresses = readonly [RabbitmqAddress, ...RabbitmqAddress[]];

/** Reads a URL, or those of a cluster's nodes. */
export function rabbitmqAddresses(
  target: string | readonly string[],
  tlsOptions?: ConnectionOptions,
): RabbitmqAddresses {
  const urls = typeof target === "string" ? [target] : target;
  const [first, ...others] = urls.map((url) => rabbitmqAddress(url, tlsOptions));
  if (first === undefined) throw new InvalidOptionError("rabbitmqBroker needs a URL, or several of one cluster.");
  const stray = others.find(({ vhost }) => vhost !== first.vhost);
  if (stray === undefined) return [first, ...others];
  throw new InvalidOptionError(
    `The nodes of a cluster share their virtual hosts: ${stray.name} is not in the one of ${first.name}.`,
  );
}

/** After how many failures in a row those who wait are told. With the pauses below: some 3 seconds. */
const TRIES = 6;
const SHORTEST_PAUSE = 50;
const LONGEST_PAUSE = 2000;

/** How long to wait before the next try, in milliseconds: doubled each time, with jitter so that not all come at once. */
export function pauseAfter(failures: number): number {
  return Math.min(SHORTEST_PAUSE * 2 ** Math.max(0, failures - 1), LONGEST_PAUSE) * (0.75 + Math.random() / 4);
}

/** What changes in a connection's life. */
export interface ConnectionListener {
  /** It is there: for the first time or again. */
  readonly up?: () => void;
  /** It is lost, or could not be made; told once for each outage. */
  readonly down?: (error: Error) => void;
  /** The server takes no messages for want of memory or disk (with its reason), or does again (`undefined`). */
  readonly blocked?: (reason: string | undefined) => void;
}

interface Waiter {
  readonly resolve: (model: ChannelModel) => void;
  readonly reject: (error: Error) => void;
}

/** How a connection behaves. */
export interface ConnectionRole {
  /** What it is for; shown in the server's list of connections. */
  readonly use: "publish" | "consume" | "look";
  /** How often each side says that it is there, in milliseconds. Two beats missed, and the connection counts as dead. */
  readonly heartbeat: number;
}

export class RabbitmqConnection {
  readonly name: string;
  readonly #addresses: RabbitmqAddresses;
  readonly #role: ConnectionRole;
  /** The one that is tried, or was found. */
  #address: RabbitmqAddress;
  readonly #listeners = new Set<ConnectionListener>();
  readonly #waiters = new Set<Waiter>();
  #model: ChannelModel | undefined;
  #running = false;
  #failures = 0;
  #lastError: Error | undefined;
  #down = false;
  #blocked: string | undefined;
  #closed = false;
  #pause: { readonly timer: NodeJS.Timeout; readonly end: () => void } | undefined;

  constructor(addresses: RabbitmqAddresses, role: ConnectionRole) {
    this.name = nameOf(addresses);
    this.#addresses = addresses;
    this.#address = addresses[0];
    this.#role = role;
  }

  /** Whether it is there now. */
  get ready(): boolean {
    return this.#model !== undefined;
  }

  /** Why the server takes no messages at present; `undefined` where it does. */
  get blocked(): string | undefined {
    return this.#blocked;
  }

  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Opens a channel, on a connection that is made first where there is none. */
  async channel(): Promise<Channel> {
    const model = await this.#opened();
    return this.#guard(() => model.createChannel());
  }

  /** Opens a channel on which the server confirms what it has taken. */
  async confirmChannel(): Promise<ConfirmChannel> {
    const model = await this.#opened();
    return this.#guard(() => model.createConfirmChannel());
  }

  /** What amqplib threw, as one of our errors. `opening`: while the connection was made. */
  translate(error: unknown, opening = false): Error {
    return this.#closed ? new BrokerClosedError(this.name) : translate(error, this.#address, opening);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pause?.end();
    this.#tellWaiters(new BrokerClosedError(this.name));
    const model = this.#model;
    this.#model = undefined;
    await model?.close().catch(() => undefined);
  }

  async #guard<C extends Channel>(open: () => Promise<C>): Promise<C> {
    try {
      const channel = await open();
      // Its owner hears of it by "close"; without a listener the process would end.
      channel.on("error", () => undefined);
      return channel;
    } catch (error) {
      throw this.translate(error);
    }
  }

  #opened(): Promise<ChannelModel> {
    if (this.#closed) return Promise.reject(new BrokerClosedError(this.name));
    if (this.#model !== undefined) return Promise.resolve(this.#model);
    // Nobody is made to wait for what has been failing all the time.
    if (this.#failures >= TRIES && this.#lastError !== undefined) return Promise.reject(this.#lastError);
    return new Promise((resolve, reject) => {
      this.#waiters.add({ resolve, reject });
      void outside(() => this.#run());
    });
  }

  /** Tries until there is a connection. Never rejects. */
  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (!this.#closed && this.#model === undefined) {
      try {
        this.#up(await open(this.#address, this.#role));
      } catch (error) {
        this.#failed(this.translate(error, true));
        this.#tryNext();
        await this.#rest(pauseAfter(this.#failures));
      }
    }
    this.#running = false;
  }

  #up(model: ChannelModel): void {
    let problem: unknown;
    // Also where nobody wants it any more: without a listener its loss would end the process.
    model.on("error", (error) => (problem = error));
    if (this.#closed) return void model.close().catch(() => undefined);
    const socket = socketOf(model);
    if (socket !== undefined) gatherWrites(socket);
    model.on("close", (error) => this.#lost(model, problem ?? error));
    model.on("blocked", (reason) => this.#tellBlocked(reason));
    model.on("unblocked", () => this.#tellBlocked(undefined));
    this.#model = model;
    this.#failures = 0;
    this.#lastError = undefined;
    this.#down = false;
    for (const { resolve } of this.#takeWaiters()) resolve(model);
    for (const { up } of this.#listeners) up?.();
  }

  #lost(model: ChannelModel, error: unknown): void {
    if (this.#model !== model) return;
    this.#model = undefined;
    this.#tellBlocked(undefined);
    this.#tellDown(this.translate(error ?? new Error("the connection was closed")));
    void this.#run();
  }

  #failed(error: Error): void {
    this.#failures++;
    this.#lastError = error;
    this.#tellDown(error);
    // A refusal does not pass by itself within seconds, but another node may not refuse.
    const refused = error instanceof BrokerRefusedError && this.#failures >= this.#addresses.length;
    if (refused || this.#failures >= TRIES) this.#tellWaiters(error);
  }

  #tryNext(): void {
    const next = this.#addresses.indexOf(this.#address) + 1;
    this.#address = this.#addresses[next] ?? this.#addresses[0];
  }

  #tellDown(error: Error): void {
    if (this.#down || this.#closed) return;
    this.#down = true;
    for (const { down } of this.#listeners) down?.(error);
  }

  #tellBlocked(reason: string | undefined): void {
    if (this.#blocked === reason) return;
    this.#blocked = reason;
    for (const { blocked } of this.#listeners) blocked?.(reason);
  }

  #tellWaiters(error: Error): void {
    for (const { reject } of this.#takeWaiters()) reject(error);
  }

  #takeWaiters(): readonly Waiter[] {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    return waiters;
  }

  #rest(milliseconds: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#pause = undefined;
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#pause = { timer, end };
    });
  }
}

function open(address: RabbitmqAddress, { use, heartbeat }: ConnectionRole): Promise<ChannelModel> {
  const options = { ...address.options, heartbeat: Math.max(1, Math.round(heartbeat / 1000)) };
  const socket: SocketOptions = {
    ...(address.tls ? address.tlsOptions : {}),
    noDelay: true,
    timeout: Math.max(heartbeat, 1000),
    clientProperties: { connection_name: `callboard:${use}` },
  };
  return connect(options, socket);
}

/** For people: all nodes, and the virtual host once. */
function nameOf(addresses: RabbitmqAddresses): string {
  const [first, ...others] = addresses;
  return [first.name, ...others.map(({ options }) => `${options.hostname}:${options.port}`)].join(", ");
}
