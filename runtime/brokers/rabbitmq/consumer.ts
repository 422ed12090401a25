/**
 * Takes messages from one queue in RabbitMQ. The server pushes as many as the worker can handle at once; a message that
 * finds no free slot waits here. A queue has a lane for each priority, and the highest lane goes first. A message that
 * several workers died with goes to a lane of its own kind, from which each worker takes one at a time.
 */
import type { ConsumeMessage } from "amqplib";
import type { ConsumeOptions, Consumer, DeadLetterInit, Delivery, Publication } from "../../seams/broker.js";
import { LeaseLostError } from "../../vocabulary/errors.js";
import { pauseAfter, type RabbitmqConnection } from "./connection.js";
import type { RabbitmqDeadLetters } from "./dead-letters.js";
import type { Publisher } from "./publisher.js";
import { HIGHEST_RANK } from "./names.js";
import { isMisplaced, priorityOf, recount, Session, type Held, type LaneState } from "./session.js";
import type { Topology } from "./topology.js";

type HeldSession = Session<RabbitmqDelivery>;

/** How many messages the server may push without having heard of the last ones: AMQP's own limit. */
const MOST_UNACKED = 65_535;

/** What all consumers of one broker share. */
export interface ConsumerContext {
  readonly connection: RabbitmqConnection;
  readonly topology: Topology;
  /** The connection for publishing: what is retried or dead goes through it. */
  readonly publishing: RabbitmqConnection;
  readonly publisher: Publisher;
  readonly deadLetters: RabbitmqDeadLetters;
  /** Whether a queue is paused; absent where that cannot be. */
  readonly isPaused: ((queue: string) => Promise<boolean>) | undefined;
}

export class RabbitmqConsumer implements Consumer {
  readonly #queue: string;
  readonly #context: ConsumerContext;
  readonly #options: ConsumeOptions;
  readonly #unlisten: readonly (() => void)[];
  #session: HeldSession | undefined;
  #taking = true;
  #paused = false;
  #closed = false;
  #scheduled = false;
  #courtesy: NodeJS.Timeout | undefined;
  /** An outage was told and its end was not. */
  #troubled = false;
  /** What ends the pauses before this consumer tries again. */
  readonly #pauses = new Set<() => void>();

  constructor(queue: string, context: ConsumerContext, options: ConsumeOptions) {
    this.#queue = queue;
    this.#context = context;
    this.#options = options;
    this.#unlisten = [
      context.connection.listen({ up: () => this.#tryNow(), down: (error) => this.#trouble("connection lost", error) }),
      context.publishing.listen({ blocked: (reason) => this.#tellBlocked(reason) }),
    ];
    void this.#stayThere();
  }

  get healthy(): boolean {
    const session = this.#session;
    if (!this.#taking || session === undefined || this.#context.publishing.blocked !== undefined) return false;
    return this.#paused || session.lanes.every(({ tag }) => tag !== undefined);
  }

  pull(): void {
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#taking = false;
    this.#tryNow();
    await this.#withdraw();
  }

  /** Takes nothing until it is resumed; what the server pushed ahead is given back. */
  async pause(): Promise<void> {
    if (this.#paused) return;
    this.#paused = true;
    await this.#withdraw();
  }

  /** Ends a pause. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const session = this.#session;
    if (session === undefined || !this.#taking) return;
    for (const lane of session.lanes) void this.#consumeAgain(session, lane);
  }

  /** Has the server push nothing more, and gives back what nobody has been given. */
  async #withdraw(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    await this.#unsubscribe(session);
    const unseen = session.takeAll().map((held) => this.#giveBackUnseen(session, held));
    await Promise.allSettled([...unseen, ...session.moves]);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.stop();
    const session = this.#session;
    // What cannot be given back with a word is given back by the end of the channel.
    const back = [...(session?.deliveries ?? [])].map((delivery) => delivery.release().catch(() => undefined));
    await Promise.all(back);
    session?.acks.flush();
    this.end();
    await session?.channel.close().catch(() => undefined);
  }

  /** Ends it without a word to the server: the end of the connection speaks. */
  end(): void {
    this.#closed = true;
    this.#taking = false;
    this.#tryNow();
    clearTimeout(this.#courtesy);
    for (const unlisten of this.#unlisten) unlisten();
    if (this.#session !== undefined) this.#session.alive = false;
    this.#session = undefined;
  }

  /** Why a delivery can no longer be settled. */
  notHeld(): LeaseLostError {
    return new LeaseLostError(`the message is no longer held by this consumer of "${this.#queue}"`);
  }

  /** Subscribes, and does so again whenever its channel ends, until it takes no more. Never rejects. */
  async #stayThere(): Promise<void> {
    const { isPaused } = this.#context;
    if (isPaused !== undefined) this.#paused = await isPaused(this.#queue);
    for (let failures = 0; this.#taking;) {
      try {
        const session = await this.#subscribe();
        failures = 0;
        this.#recovered();
        await session.ended;
      } catch (error) {
        failures++;
        this.#trouble("cannot take messages", error as Error);
      }
      if (this.#taking) await this.#rest(pauseAfter(failures));
    }
  }

  /** Opens a channel and consumes every lane. */
  async #subscribe(): Promise<HeldSession> {
    const { connection, topology } = this.#context;
    const lanes = topology.lanes(this.#queue);
    await Promise.all([...lanes.ordinary, lanes.suspects].map(({ declare }) => declare()));
    const channel = await connection.channel();
    const prefetch = Math.min(MOST_UNACKED, Math.max(1, this.#options.slots.concurrency));
    const session = new Session<RabbitmqDelivery>({ channel, lanes, prefetch, notHeld: () => this.notHeld() });
    let problem: unknown;
    channel.on("error", (error) => (problem = error));
    channel.on("close", () => this.#lost(session, problem));
    try {
      // The highest first, so that its messages are the first to come.
      for (const lane of session.lanes) if (!this.#paused) await this.#consume(session, lane);
    } catch (error) {
      session.alive = false;
      await channel.close().catch(() => undefined);
      throw connection.translate(error);
    }
    if (!session.alive) throw connection.translate(problem ?? new Error("the channel was closed"));
    this.#session = session;
    if (!this.#taking) await this.stop();
    // It was paused in the meantime.
    else if (this.#paused) await this.#withdraw();
    this.#schedule();
    return session;
  }

  async #consume(session: HeldSession, state: LaneState): Promise<void> {
    session.expectFirst(state);
    const { channel } = session;
    // A prefetch is that of the subscriptions that follow it: the two are sent together.
    const [, { consumerTag }] = await Promise.all([
      channel.prefetch(state.prefetch),
      channel.consume(state.lane.name, (message) => {
        if (message === null) this.#cancelled(session, state);
        else this.#receive(session, state, message);
      }),
    ]);
    state.tag = consumerTag;
  }

  #receive(session: HeldSession, lane: LaneState, message: ConsumeMessage): void {
    if (!session.alive) return;
    const rank = lane.lane.priority ?? Math.min(HIGHEST_RANK, Number(message.properties.priority ?? 0));
    const held: Held = { message, lane, rank };
    if (isMisplaced(held)) return void this.#move(session, held);
    session.add(held);
    this.#schedule();
  }

  /** The server ended the subscription: the queue was deleted, its leader moved, or a message took too long. */
  #cancelled(session: HeldSession, state: LaneState): void {
    state.tag = undefined;
    if (!this.#taking || this.#paused || !session.alive) return;
    this.#trouble(
      "the server ended the subscription",
      new Error(`the queue "${state.lane.name}" was deleted or moved`),
    );
    void this.#consumeAgain(session, state);
  }

  async #consumeAgain(session: HeldSession, state: LaneState): Promise<void> {
    const { topology, connection } = this.#context;
    for (let failures = 1; this.#taking && session.alive; failures++) {
      await this.#rest(pauseAfter(failures));
      if (this.#paused || state.tag !== undefined) return;
      try {
        topology.forget(state.lane.name);
        await state.lane.declare();
        await this.#consume(session, state);
        if (this.#paused) return await this.#withdraw();
        if (session.lanes.every(({ tag }) => tag !== undefined)) this.#recovered();
        return;
      } catch (error) {
        this.#trouble("cannot take messages", connection.translate(error));
      }
    }
  }

  async #unsubscribe({ channel, lanes }: HeldSession): Promise<void> {
    await Promise.all(
      lanes.map(async (lane) => {
        if (lane.tag === undefined) return;
        await channel.cancel(lane.tag).catch(() => undefined);
        lane.tag = undefined;
      }),
    );
  }

  /** Delivers at the end of this event-loop turn, when all that came in it is known. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#drain();
    });
  }

  #drain(): void {
    const session = this.#session;
    if (session === undefined || !this.#taking || this.#paused) return;
    for (;;) {
      const next = session.next();
      if (next === undefined) return;
      if (typeof next === "number") return this.#drainLater(next);
      if (this.#options.slots.reserve(1) === 0) return;
      session.take(next);
      const delivery = new RabbitmqDelivery(this, session, this.#queue, next);
      session.deliveries.add(delivery);
      this.#options.deliver(delivery);
    }
  }

  #drainLater(milliseconds: number): void {
    clearTimeout(this.#courtesy);
    this.#courtesy = setTimeout(() => this.#drain(), milliseconds);
  }

  /** Takes note that a message is done with, and tells the server. */
  settle(delivery: RabbitmqDelivery): Promise<void> {
    const { session, held } = delivery;
    session.deliveries.delete(delivery);
    return session.acks.add(held);
  }

  retry(next: Publication): Promise<void> {
    return this.#context.publisher.publish([next]);
  }

  bury(letter: DeadLetterInit): Promise<void> {
    return this.#context.deadLetters.bury(letter);
  }

  release({ held }: RabbitmqDelivery): Promise<void> {
    return this.#copyBack(held);
  }

  /** Puts a message into the lane where it belongs. What is held is to be acked then. */
  #copyBack(held: Held): Promise<void> {
    return this.#context.publisher.giveBack({ queue: this.#queue, priority: priorityOf(held), ...recount(held) });
  }

  async #giveBack(session: HeldSession, held: Held): Promise<void> {
    await this.#copyBack(held);
    await session.acks.add(held);
  }

  /** Gives back what nobody has been given. If that fails, the end of the channel does it. */
  async #giveBackUnseen(session: HeldSession, held: Held): Promise<void> {
    try {
      await this.#giveBack(session, held);
    } catch {
      await session.channel.close().catch(() => undefined);
    }
  }

  /**
   * Brings a message to the lane where it belongs, trying until the server takes it: the end of the channel would count
   * a crash on all that is held here. Never rejects.
   */
  async #move(session: HeldSession, held: Held): Promise<void> {
    held.lane.held++;
    for (let failures = 1; session.alive; failures++) {
      try {
        await session.moving(this.#giveBack(session, held).then(() => session.heard()));
        if (failures > 1 && this.healthy) this.#recovered();
        return this.#schedule();
      } catch (error) {
        this.#schedule();
        if (!this.#taking) return;
        this.#trouble("cannot give back what dead workers left", error as Error);
        await this.#rest(pauseAfter(failures));
      }
    }
  }

  /** The channel ended: all that was held is in other hands, or will be. */
  #lost(session: HeldSession, problem: unknown): void {
    if (!session.alive) return;
    session.alive = false;
    if (this.#session === session) this.#session = undefined;
    if (this.#closed) return;
    const cause = this.#context.connection.translate(problem ?? new Error("the channel was closed"));
    const reason = new LeaseLostError(
      `the channel for "${this.#queue}" ended (${cause.message}): other workers have its messages`,
    );
    const lost = [...session.deliveries];
    session.deliveries.clear();
    this.#trouble(`${lost.length} messages are in other hands`, cause);
    if (lost.length > 0) this.#options.lost(lost, reason);
  }

  #trouble(what: string, error: Error): void {
    if (this.#troubled || this.#closed || !this.#taking) return;
    this.#troubled = true;
    this.#options.notice("warn", `${what}: ${error.message}; trying again`, error);
  }

  #recovered(): void {
    if (!this.#troubled) return;
    this.#troubled = false;
    this.#options.notice("info", "connected again");
  }

  #tellBlocked(reason: string | undefined): void {
    if (reason === undefined) this.#options.notice("info", "the server takes messages again");
    else
      this.#options.notice("warn", `the server takes no messages: ${reason}; retries, dead letters and results wait`);
  }

  #rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#pauses.add(end);
    });
  }

  #tryNow(): void {
    for (const end of this.#pauses) end();
  }
}

/** One message of a RabbitMQ queue. */
class RabbitmqDelivery implements Delivery {
  readonly queue: string;
  readonly priority: number;
  readonly body: string;
  readonly session: HeldSession;
  readonly held: Held;
  readonly #consumer: RabbitmqConsumer;
  #settling = false;

  constructor(consumer: RabbitmqConsumer, session: HeldSession, queue: string, held: Held) {
    this.#consumer = consumer;
    this.session = session;
    this.held = held;
    this.queue = queue;
    this.priority = priorityOf(held);
    this.body = recount(held).body;
  }

  ack(): Promise<void> {
    if (this.#settling || !this.#isHeld()) return Promise.reject(this.#consumer.notHeld());
    this.#settling = true;
    return this.#consumer.settle(this);
  }

  retry(next: Publication): Promise<void> {
    return this.#replace(() => this.#consumer.retry(next));
  }

  reject(letter: DeadLetterInit): Promise<void> {
    return this.#replace(() => this.#consumer.bury(letter));
  }

  release(): Promise<void> {
    return this.#replace(() => this.#consumer.release(this));
  }

  /** What takes the message's place is confirmed first: a crash in between makes two of it, and never none. */
  async #replace(place: () => Promise<void>): Promise<void> {
    if (this.#settling || !this.#isHeld()) throw this.#consumer.notHeld();
    this.#settling = true;
    try {
      await place();
    } catch (error) {
      this.#settling = false;
      throw error;
    }
    if (!this.#isHeld()) throw this.#consumer.notHeld();
    await this.#consumer.settle(this);
  }

  #isHeld(): boolean {
    return this.session.alive && this.session.deliveries.has(this);
  }
}
