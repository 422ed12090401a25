/** Declares queues and exchanges, each once for as long as the connection lasts. Declaring what is there changes nothing. */
import type { Channel, Options } from "amqplib";
import type { RabbitmqConnection } from "./connection.js";
import type { Ladder } from "./ladder.js";
import { deadQueue, dueExchange, ladderStep, PRIORITIES, readyQueue, strayQueue, suspectsQueue } from "./names.js";

/** How queues are kept: `quorum` on a majority of the nodes, `classic` on one. */
export type QueueType = "quorum" | "classic";

/**
 * Redeliveries after which a server throws a message away (20 by default from 4.0 on). Ours must come first: a message
 * that kills its workers is to be found in the dead letters.
 */
const NEVER = 1_000_000;
/** The priorities of a classic queue, and one more for what is given back with the highest. */
const CLASSIC_PRIORITIES = 10;

export interface TopologyOptions {
  readonly prefix: string;
  readonly queueType: QueueType;
  readonly ladder: Ladder;
}

/** Something on the server that must be there before it is used. */
export interface Needed {
  readonly name: string;
  readonly declare: () => Promise<void>;
}

/** One of the server's queues that hold the messages of a queue. */
export interface Lane extends Needed {
  /** Of all messages in it; `undefined` where each says its own. */
  readonly priority: number | undefined;
  /** Whether each of its messages is handled alone. */
  readonly suspects: boolean;
  /** Whether the server says how often it has given a message to somebody, and not only that it has. */
  readonly counts: boolean;
}

/** A queue as a consumer sees it. */
export interface Lanes {
  /** One for each priority, the highest first; or one for all. */
  readonly ordinary: readonly Lane[];
  /** For messages that have been in the hands of several workers that died. */
  readonly suspects: Lane;
}

export class Topology {
  readonly #connection: RabbitmqConnection;
  readonly #options: TopologyOptions;
  readonly #declared = new Map<string, Promise<void>>();
  #settled = new Set<string>();
  #channel: Promise<Channel> | undefined;
  readonly #lanes = new Map<string, Lanes>();

  constructor(connection: RabbitmqConnection, options: TopologyOptions) {
    this.#connection = connection;
    this.#options = options;
    // The server may have lost everything while it was away.
    connection.listen({ down: () => this.forgetAll() });
  }

  /** The queues that were asked for. */
  get queues(): readonly string[] {
    return [...this.#lanes.keys()];
  }

  /** The lanes of a queue. */
  lanes(queue: string): Lanes {
    let lanes = this.#lanes.get(queue);
    if (lanes === undefined) this.#lanes.set(queue, (lanes = this.#lanesOf(queue)));
    return lanes;
  }

  /** The lane of a priority. */
  lane(queue: string, priority: number): Lane {
    const { ordinary } = this.lanes(queue);
    const lane = ordinary[ordinary.length === 1 ? 0 : PRIORITIES.length - 1 - priority];
    if (lane === undefined) throw new RangeError(`there is no priority ${priority}`);
    return lane;
  }

  /** Whether something is known to be declared. */
  has(name: string): boolean {
    return this.#settled.has(name);
  }

  /** Says that something is gone, so that it is declared again. */
  forget(name: string): void {
    this.#declared.delete(name);
    this.#settled.delete(name);
  }

  forgetAll(): void {
    this.#declared.clear();
    this.#settled.clear();
    this.#channel = undefined;
  }

  /** Declares a lane, and has messages that were delayed come into it. */
  #declareLane(name: string): Promise<void> {
    return this.#once(name, async () => {
      await this.#declareDue();
      await this.#waitingQueue(name);
      const { prefix, ladder } = this.#options;
      await this.#do((channel) => channel.bindQueue(name, dueExchange(prefix), ladder.target(name)));
    });
  }

  /** The queue of a queue's dead letters. */
  dead(queue: string): Needed {
    const name = deadQueue(this.#options.prefix, queue);
    const type = this.#options.queueType;
    // Looking through dead letters gives them back, which counts as a redelivery.
    const limit = type === "quorum" ? { "x-delivery-limit": NEVER } : {};
    const declare = () => this.#once(name, () => this.#queue(name, { "x-queue-type": type, ...limit }));
    return { name, declare };
  }

  /** The ladder up to and with a step. */
  ladderTo(step: number): Needed {
    return { name: ladderStep(this.#options.prefix, step), declare: () => this.#declareLadderTo(step) };
  }

  async #declareLadderTo(step: number): Promise<void> {
    const { prefix } = this.#options;
    for (let below = 0; below <= step; below++) {
      await this.#once(ladderStep(prefix, below), () => this.#declareStep(below));
    }
  }

  /** Ends the channel that it declares on. */
  async close(): Promise<void> {
    const channel = this.#channel;
    this.forgetAll();
    await (await channel)?.close().catch(() => undefined);
  }

  #lanesOf(queue: string): Lanes {
    const { prefix, queueType } = this.#options;
    const counts = queueType === "quorum";
    const ordinary = (priority: number | undefined): Lane => {
      const name = readyQueue(prefix, queue, priority);
      return { name, priority, suspects: false, counts, declare: () => this.#declareLane(name) };
    };
    const name = suspectsQueue(prefix, queue);
    const declare = () => this.#once(name, () => this.#waitingQueue(name));
    return {
      ordinary: queueType === "classic" ? [ordinary(undefined)] : PRIORITIES.map(ordinary),
      suspects: { name, priority: undefined, suspects: true, counts, declare },
    };
  }

  async #declareStep(step: number): Promise<void> {
    const { prefix, queueType, ladder } = this.#options;
    await this.#declareDue();
    const name = ladderStep(prefix, step);
    const beneath = ladder.beneath(step);
    await this.#exchange(name);
    await this.#queue(name, {
      "x-queue-type": queueType,
      "x-message-ttl": ladder.ttl(step),
      "x-dead-letter-exchange": beneath,
      // Handed down with confirms, so that no crash of the server loses a message between two steps.
      ...(queueType === "quorum" ? { "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" } : {}),
    });
    await this.#do((channel) => channel.bindQueue(name, name, ladder.pattern(step, true)));
    await this.#do((channel) => channel.bindExchange(beneath, name, ladder.pattern(step, false)));
  }

  /** The exchange at the foot of the ladder. What it cannot place is kept, for people to look after. */
  #declareDue(): Promise<void> {
    const { prefix, queueType } = this.#options;
    return this.#once(dueExchange(prefix), async () => {
      const stray = strayQueue(prefix);
      await this.#exchange(stray, "fanout");
      await this.#queue(stray, { "x-queue-type": queueType });
      await this.#do((channel) => channel.bindQueue(stray, stray, ""));
      await this.#exchange(dueExchange(prefix), "topic", { alternateExchange: stray });
    });
  }

  #waitingQueue(name: string): Promise<void> {
    const type = this.#options.queueType;
    return this.#queue(name, {
      "x-queue-type": type,
      ...(type === "quorum" ? { "x-delivery-limit": NEVER } : { "x-max-priority": CLASSIC_PRIORITIES }),
    });
  }

  #queue(name: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#do((channel) => channel.assertQueue(name, { durable: true, arguments: args }));
  }

  #exchange(name: string, type = "topic", options: Options.AssertExchange = {}): Promise<void> {
    return this.#do((channel) => channel.assertExchange(name, type, { durable: true, ...options }));
  }

  #once(name: string, declare: () => Promise<void>): Promise<void> {
    let declared = this.#declared.get(name);
    if (declared !== undefined) return declared;
    declared = declare().then(
      () => {
        if (this.#declared.get(name) === declared) this.#settled.add(name);
      },
      (error: unknown) => {
        if (this.#declared.get(name) === declared) this.#declared.delete(name);
        throw error;
      },
    );
    this.#declared.set(name, declared);
    return declared;
  }

  /** A refusal closes the channel that it came on: declarations have one of their own. */
  async #do(declare: (channel: Channel) => Promise<unknown>): Promise<void> {
    const opening = (this.#channel ??= this.#open());
    try {
      await declare(await opening);
    } catch (error) {
      if (this.#channel === opening) this.#channel = undefined;
      throw this.#connection.translate(error);
    }
  }

  async #open(): Promise<Channel> {
    const channel = await this.#connection.channel();
    const opened = this.#channel;
    channel.on("close", () => {
      if (this.#channel === opened) this.#channel = undefined;
    });
    return channel;
  }
}
