/**
 * Sends messages to RabbitMQ and waits for the server's confirmation of each. Many are under way at once, and none waits
 * for the confirmation of another; amqplib writes together what comes in one event-loop turn.
 */
import type { ConfirmChannel, Message, Options } from "amqplib";
import type { Publication } from "../../seams/broker.js";
import { BrokerRefusedError, BrokerUnavailableError } from "../../vocabulary/errors.js";
import type { RabbitmqConnection } from "./connection.js";
import { isNack } from "./errors.js";
import type { Ladder } from "./ladder.js";
import { HIGHEST_RANK } from "./names.js";
import type { Lane, Needed, Topology } from "./topology.js";

/** Where a message goes and what must be there before it does. */
export interface Posting {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: string;
  readonly options: Options.Publish;
  /** If there is no queue for it, nobody misses it. */
  readonly dispensable?: boolean;
  /** What is to be declared first, unless it is known to be there. */
  readonly needs: readonly Needed[];
}

/** The header in which a message says its priority where its place in the queue says another. */
export const PRIORITY_HEADER = "callboard-priority";

export interface PublisherOptions {
  readonly ladder: Ladder;
  /** How long the server may take, in milliseconds. */
  readonly timeout: number;
  /** How many messages, and how many characters of them, may be unconfirmed. */
  readonly maxInFlight: { readonly messages: number; readonly characters: number };
}

/** A message that goes back to where it came from, or to those that are handled alone. */
export interface GivenBack extends Pick<Publication, "queue" | "priority" | "body"> {
  readonly suspect: boolean;
}

/** How long to wait before a message that the server did not take is offered again, in milliseconds. */
const NACK_PAUSE = 50;
/**
 * How long a channel is kept at least on which the server does not take a message, in milliseconds. One that first sent
 * to a queue while its leader was gone has every further message for that queue refused, for ever (seen on 3.10).
 */
const CHANNEL_TRIAL = 500;

/** Messages that are confirmed together. */
interface Call {
  readonly postings: readonly Posting[];
  readonly characters: number;
  readonly deadline: number;
  left: number;
  /** Whether the server may have any of them. */
  written: boolean;
  settled: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Publisher {
  readonly #connection: RabbitmqConnection;
  readonly #topology: Topology;
  readonly #options: PublisherOptions;
  #channel: Promise<ConfirmChannel> | undefined;
  #open: ConfirmChannel | undefined;
  #openSince = 0;
  #messages = 0;
  #characters = 0;
  /** All that is not settled, the oldest first. */
  readonly #calls = new Set<Call>();
  #timer: NodeJS.Timeout | undefined;
  /** Why the last channel ended, where the server said so. */
  #problem: Error | undefined;
  /** The bodies of messages that the server could not place. It says so before it confirms them. */
  readonly #returned = new Set<string>();

  constructor(connection: RabbitmqConnection, topology: Topology, options: PublisherOptions) {
    this.#connection = connection;
    this.#topology = topology;
    this.#options = options;
  }

  /** Resolves when the server has them all. */
  publish(messages: readonly Publication[]): Promise<void> {
    return this.post(messages.map((message) => this.#posting(message)));
  }

  /** Puts a message back before its equals: one priority higher in the queue, its own in a header. */
  giveBack({ queue, priority, body, suspect }: GivenBack): Promise<void> {
    const { suspects } = this.#topology.lanes(queue);
    const lane = suspect ? suspects : this.#topology.lane(queue, Math.min(9, priority + 1));
    const options: Options.Publish = {
      ...messageOptions(lane, priority + 1),
      headers: { [PRIORITY_HEADER]: priority },
    };
    return this.post([{ exchange: "", routingKey: lane.name, body, options, needs: [lane] }]);
  }

  /** Resolves when the server has them all. */
  post(postings: readonly Posting[]): Promise<void> {
    let characters = 0;
    for (const { body } of postings) characters += body.length;
    const { maxInFlight, timeout } = this.#options;
    const full =
      this.#messages + postings.length > maxInFlight.messages || this.#characters + characters > maxInFlight.characters;
    // One that is too large for an empty buffer is let through: it is in memory anyway.
    if (full && this.#messages > 0) {
      return Promise.reject(
        new BrokerRefusedError(
          `${this.#connection.name} has ${this.#messages} messages of this process (${this.#characters} characters) to ` +
            `confirm and more would not be bounded; nothing was sent. Await earlier sends, or raise "maxInFlight".`,
          { passing: true },
        ),
      );
    }
    this.#messages += postings.length;
    this.#characters += characters;
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + timeout;
      const begun = { left: postings.length, written: false, settled: false };
      const call = { postings, characters, deadline, ...begun, resolve, reject };
      this.#calls.add(call);
      this.#timer ??= setTimeout(() => this.#expire(), timeout);
      this.#begin(call);
    });
  }

  /** Ends it: what is not confirmed fails. */
  close(error: Error): void {
    clearTimeout(this.#timer);
    for (const call of this.#calls) this.#settle(call, error);
  }

  #posting({ queue, priority, delay, body }: Publication): Posting {
    const lane = this.#topology.lane(queue, priority);
    const options = messageOptions(lane, priority);
    if (delay <= 0) return { exchange: "", routingKey: lane.name, body, options, needs: [lane] };
    const { step, exchange, routingKey } = this.#options.ladder.rung(lane.name, delay);
    return { exchange, routingKey, body, options, needs: [lane, this.#topology.ladderTo(step)] };
  }

  #begin(call: Call): void {
    const channel = this.#open;
    const ready = call.postings.every(({ needs }) => needs.every(({ name }) => this.#topology.has(name)));
    if (channel !== undefined && ready) return this.#write(channel, call);
    this.#prepare(call).then(
      (opened) => this.#write(opened, call),
      (error: unknown) => this.#settle(call, this.#connection.translate(error)),
    );
  }

  /** Declares what is missing, and opens the channel where there is none. */
  async #prepare({ postings }: Call): Promise<ConfirmChannel> {
    for (const { needs } of postings) {
      for (const { name, declare } of needs) if (!this.#topology.has(name)) await declare();
    }
    return this.#opened();
  }

  #opened(): Promise<ConfirmChannel> {
    if (this.#channel === undefined) {
      const opening: Promise<ConfirmChannel> = this.#openChannel(() => {
        if (this.#channel === opening) this.#channel = undefined;
      });
      this.#channel = opening;
      opening.catch(() => {
        if (this.#channel === opening) this.#channel = undefined;
      });
    }
    return this.#channel;
  }

  async #openChannel(onClose: () => void): Promise<ConfirmChannel> {
    const channel = await this.#connection.confirmChannel();
    channel.on("return", ({ content }: Message) => this.#returned.add(content.toString()));
    channel.on("error", (error) => (this.#problem = error));
    channel.on("close", () => {
      onClose();
      if (this.#open !== channel) return;
      this.#open = undefined;
      this.#returned.clear();
    });
    this.#problem = undefined;
    this.#open = channel;
    this.#openSince = performance.now();
    return channel;
  }

  #write(channel: ConfirmChannel, call: Call): void {
    if (call.settled) return;
    call.written = true;
    try {
      for (const posting of call.postings) this.#put(channel, call, posting);
    } catch (error) {
      this.#settle(call, this.#connection.translate(error));
    }
  }

  #put(channel: ConfirmChannel, call: Call, posting: Posting): void {
    const { exchange, routingKey, body, options } = posting;
    // That its buffer is full (`false`) does not mean that it was not sent; the bound is ours.
    channel.publish(exchange, routingKey, Buffer.from(body), options, (error: unknown) => {
      if (isNack(error)) this.#retire(channel);
      this.#confirmed(call, posting, error);
    });
  }

  /** What comes next goes by another channel; this one ends when the server has answered to all that went by it. */
  #retire(channel: ConfirmChannel): void {
    if (this.#open !== channel || performance.now() - this.#openSince < CHANNEL_TRIAL) return;
    this.#open = undefined;
    this.#channel = undefined;
    const end = () => channel.close().catch(() => undefined);
    void channel.waitForConfirms().then(end, end);
  }

  /**
   * The server said that it did not take the message, so that it is safe to offer it again: a quorum queue that was
   * declared a moment ago may have no leader yet.
   */
  #offerAgain(call: Call, posting: Posting, error: Error): void {
    if (performance.now() + NACK_PAUSE > call.deadline) {
      // The queue's node is down, and whoever took from it has another one by now.
      if (posting.dispensable === true) this.#placed(call);
      else this.#settle(call, error);
      return;
    }
    setTimeout(() => {
      if (call.settled) return;
      this.#opened()
        .then((channel) => this.#put(channel, call, posting))
        .catch((thrown: unknown) => this.#settle(call, this.#connection.translate(thrown)));
    }, NACK_PAUSE);
  }

  #placed(call: Call): void {
    if (--call.left === 0) this.#settle(call, undefined);
  }

  #confirmed(call: Call, posting: Posting, error: unknown): void {
    if (this.#returned.size > 0 && this.#returned.delete(posting.body)) {
      if (posting.dispensable !== true) return this.#settle(call, this.#unplaced(posting));
    } else if (error != null) {
      const translated = this.#unconfirmed(error);
      return isNack(error) ? this.#offerAgain(call, posting, translated) : this.#settle(call, translated);
    }
    this.#placed(call);
  }

  /** Where the server ended the channel over one message, nobody knows what became of the others. */
  #unconfirmed(error: unknown): Error {
    const translated = this.#connection.translate(error);
    if (this.#problem === undefined || !(translated instanceof BrokerUnavailableError)) return translated;
    const reason = this.#connection.translate(this.#problem).message;
    return new BrokerUnavailableError(`${reason} (before the message was confirmed)`, { cause: error });
  }

  /** A message that found no queue: it was deleted since it was declared. */
  #unplaced({ exchange, routingKey }: Posting): Error {
    this.#topology.forgetAll();
    const place = exchange === "" ? `the queue "${routingKey}"` : `the exchange "${exchange}"`;
    return new BrokerRefusedError(
      `${this.#connection.name} took the message for ${place} and had no place for it: it was deleted meanwhile. ` +
        "It is declared anew by the next message.",
      { passing: true },
    );
  }

  #settle(call: Call, error: Error | undefined): void {
    if (call.settled) return;
    call.settled = true;
    this.#calls.delete(call);
    this.#messages -= call.postings.length;
    this.#characters -= call.characters;
    if (error === undefined) call.resolve();
    else call.reject(call.written ? error : asUnsent(error));
  }

  /** Nobody waits for a silent server for ever; whether the messages arrived is then unknown. */
  #expire(): void {
    const now = performance.now();
    this.#timer = undefined;
    for (const call of this.#calls) {
      if (call.deadline > now) {
        this.#timer = setTimeout(() => this.#expire(), call.deadline - now);
        return;
      }
      const { blocked, name } = this.#connection;
      const why = blocked === undefined ? "" : `; it takes no messages at present: ${blocked}`;
      const { timeout } = this.#options;
      this.#settle(call, new BrokerUnavailableError(`${name} did not answer within ${timeout} ms${why}`));
    }
  }
}

/** The same error, which also says that nothing was sent. */
function asUnsent(error: Error): Error {
  if (!(error instanceof BrokerUnavailableError)) return error;
  return new BrokerUnavailableError(error.message, { cause: error.cause, unsent: true });
}

/** Of a message in a queue of one priority. What is the same in every message is in none: each property costs 1 µs. */
const MESSAGE: Options.Publish = { persistent: true, mandatory: true };

/** Of a message in a queue of all priorities. */
const PRIORITIZED: readonly Options.Publish[] = Array.from({ length: HIGHEST_RANK + 1 }, (_, priority) => ({
  ...MESSAGE,
  priority,
}));

function messageOptions(lane: Lane, priority: number): Options.Publish {
  return lane.priority === undefined ? (PRIORITIZED[priority] ?? MESSAGE) : MESSAGE;
}
