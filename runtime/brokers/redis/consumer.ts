/**
 * Takes messages from one queue in Redis. One script call at a time acks what is done and takes what fits, so that the
 * cost of a round trip is shared by all messages of an event-loop turn; the next call is under way while the messages
 * of the last one are worked on. An empty queue is not polled: the consumer is woken.
 */
import { randomUUID } from "node:crypto";
import type { ConsumeOptions, Consumer } from "../../seams/broker.js";
import { BrokerRefusedError, BrokerUnavailableError, LeaseLostError } from "../../vocabulary/errors.js";
import type { RedisCancellations } from "./cancellations.js";
import type { RedisConnection } from "./connection.js";
import { LARGEST_BATCH, type AckBatch, type RedisDelivery } from "./delivery.js";
import { Holding } from "./holding.js";
import type { LaneKeys } from "./keys.js";
import type { Puts } from "./puts.js";
import { scripts, type TakeReply, type Taken } from "./scripts.js";
import type { RedisSubscriber } from "./subscriber.js";
import { Waking } from "./waking.js";
import type { Beat } from "./workers.js";

/** How often an idle consumer looks by itself, in milliseconds, in case a wake-up was lost. */
const IDLE_POLL = 2000;
/** How long a consumer rests after the server refused it, in milliseconds. */
const REST = 1000;

/** What a consumer shares with the others of its broker, and what is its own. */
export interface ConsumerContext {
  /** How many messages this consumer holds at most. Default: as many as there are slots for. */
  readonly most: number | undefined;
  readonly connection: RedisConnection;
  /** How answers travel with acks; absent where they may lie on another node than the queue. */
  readonly puts: Puts | undefined;
  readonly subscriber: RedisSubscriber;
  /** What is cancelled in the queue. */
  readonly cancellations: RedisCancellations;
  /** Milliseconds. */
  readonly lease: number;
  /** How many consumers share the idle polls. */
  readonly siblings: () => number;
  /** Whether a consumer is the one that speaks of the connection for all. */
  readonly isFirst: (consumer: RedisConsumer) => boolean;
  /** Says that a consumer has ended. */
  readonly ended: (consumer: RedisConsumer) => void;
}

/** Asks the server for messages. */
type Ask = (keys: readonly string[], args: readonly (string | number)[]) => Promise<TakeReply>;

export class RedisConsumer implements Consumer {
  readonly #queue: string;
  readonly #keys: LaneKeys;
  readonly #context: ConsumerContext;
  readonly #options: ConsumeOptions;
  readonly #holding: Holding;
  readonly #waking: Waking;

  /** Never used twice, so that a call whose answer was lost cannot overwrite what it took. */
  #sequence = 0;

  /** This consumer under its present lease; a lost lease means a new name. */
  #id = randomUUID();
  /** The lease is not open yet. */
  #new = true;
  #taking = true;
  #closed = false;
  /** Fields below this one that are not held have been given back, whatever is still said of them. */
  #givenBack = 0;
  #calling: Promise<void> | undefined;
  #scheduled = false;
  /** A call's outcome is unknown: it may have taken messages that nobody here knows of. */
  #unsure = false;
  #resting = false;
  #refused = false;
  #lastAnswer = -Infinity;
  /** When the last call began that was answered: the lease has been renewed since. */
  #renewed = Infinity;

  readonly #heartbeat: NodeJS.Timeout;
  readonly #unlisten: () => void;

  constructor(queue: string, keys: LaneKeys, context: ConsumerContext, options: ConsumeOptions) {
    this.#queue = queue;
    this.#keys = keys;
    this.#context = context;
    this.#options = options;
    this.#holding = new Holding({
      ...{ queue, keys, connection: context.connection, answering: context.puts !== undefined },
      running: () => keys.running(this.#id),
      changed: () => this.#schedule(),
    });
    this.#waking = new Waking(context.subscriber, {
      look: () => this.#schedule(),
      takeOver: (message) => this.#takeOver(message),
      missed: () => (this.#unsure = true),
      deaf: (error) => this.#deaf(error),
    });
    this.#unlisten = context.connection.listen({
      up: () => this.#up(),
      down: (error) => this.#down(error),
    });
    // Busy or not, also when every slot is taken and no message moves.
    this.#heartbeat = setInterval(() => this.#beat(), context.lease / 3);
    this.#waking.listen(keys.wake(this.#id));
    // The connection is made by the first use.
    if (context.connection.redis.status === "ready") this.#schedule();
  }

  get healthy(): boolean {
    const recent = performance.now() - this.#lastAnswer < this.#context.lease;
    return this.#taking && this.#context.connection.ready && !this.#refused && recent;
  }

  /** Whether it waits for a message, and would look for one by itself some time. */
  get idle(): boolean {
    return this.#waking.idle && this.#taking;
  }

  /** When the server last answered it, as `performance.now()` has it. */
  get lastAnswer(): number {
    return this.#lastAnswer;
  }

  /** Looks now, and not some time later, so that a heartbeat can travel along; `undefined` where it cannot look. */
  carry(beat: Beat): Promise<readonly string[]> | undefined {
    const { connection } = this.#context;
    // Answers, which go with acks, are read from where the heartbeat would be.
    if (!this.idle || !this.#free || this.#unsure || this.#holding.hasAcks) return undefined;
    const want = this.#reserve();
    if (want === 0) return undefined;
    this.#waking.rouse();
    // What it was woken for it takes now.
    this.#waking.takeWord();
    let pauses: Promise<readonly string[]> | undefined;
    const take: Ask = (keys, args) => {
      const both = connection.run(scripts.takeAndBeat, [...beat.keys, ...keys], [...beat.args, ...args]);
      pauses = both.then(([, paused]) => paused);
      return both.then(([taken]) => taken);
    };
    this.#start(this.#call(want, take));
    return pauses;
  }

  pull(): void {
    if (!this.#waking.idle) this.#schedule();
  }

  async stop(): Promise<void> {
    this.#taking = false;
    this.#waking.rouse();
    await this.#calling;
    if (this.#context.connection.ready) await this.#passOn();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.stop();
    // Acks that are still to be sent go with the last call.
    while (this.#holding.hasAcks && this.#context.connection.ready) await this.#call(0);
    this.end();
    if (!this.#context.connection.ready) return;
    const { leases, consumers, idle, allReady } = this.#keys;
    await this.#context.connection
      .run(
        scripts.leave,
        [this.#keys.running(this.#id), leases, consumers, idle, ...allReady],
        [this.#id, this.#keys.wake(this.#id)],
      )
      .catch(() => undefined);
  }

  /** Ends it without a word to the server: its lease runs out. */
  end(): void {
    this.#closed = true;
    this.#taking = false;
    clearInterval(this.#heartbeat);
    this.#unlisten();
    this.#waking.rouse();
    this.#waking.unlisten(this.#keys.wake(this.#id));
    this.#context.ended(this);
    const reason = new LeaseLostError(`the consumer of "${this.#queue}" is closed`);
    const lost = this.#holding.abandon(reason);
    if (lost.length > 0) this.#options.lost(lost, reason);
  }

  #leaseLost(): LeaseLostError {
    return new LeaseLostError(
      `the lease on messages of "${this.#queue}" ran out (${this.#context.lease} ms without a heartbeat): other workers have them`,
    );
  }

  /**
   * Calls the server at the end of this event-loop turn, when all acks and free slots of the turn are known; as soon as
   * this turn's code has run, where no other message is held that could end in it.
   */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const flush = () => {
      this.#scheduled = false;
      this.#flush();
    };
    if (this.#holding.size > 1) setImmediate(flush);
    else process.nextTick(flush);
  }

  #flush(): void {
    if (!this.#free) return;
    if (this.#unsure) return this.#start(this.#reconcile());
    const want = this.#taking && !this.#waking.idle ? this.#reserve() : 0;
    // Woken, but the slots have gone to another queue in the meantime.
    if (this.#waking.takeWord() && want === 0 && this.#taking) void this.#passOn();
    if (want > 0 || this.#holding.hasAcks) this.#start(this.#call(want));
  }

  /** Whether it could ask the server for something now. */
  get #free(): boolean {
    return this.#calling === undefined && !this.#closed && !this.#resting && this.#context.connection.ready;
  }

  #reserve(): number {
    const { most = Infinity } = this.#context;
    return this.#options.slots.reserve(Math.min(LARGEST_BATCH, most - this.#holding.size));
  }

  /** Leaves the idle zset; whoever else is in it is woken, if a wake-up was wasted on this consumer. */
  async #passOn(): Promise<void> {
    this.#waking.registered = false;
    const wake = this.#keys.wake(this.#id);
    // Where it fails, the others' idle polls find the message.
    await this.#context.connection.run(scripts.passOn, [this.#keys.idle], [wake]).catch(() => undefined);
  }

  #start(call: Promise<void>): void {
    this.#calling = call;
  }

  /** One call of `take`: acks, renews the lease, takes. Never rejects. */
  async #call(want: number, ask: Ask = this.#take): Promise<void> {
    const acks = this.#holding.nextAcks();
    const first = this.#sequence;
    // One more for a message that is handed over.
    this.#sequence += want + 1;
    const id = this.#id;
    const { leases, consumers, delayed, idle, allReady, paused, cancels } = this.#keys;
    const keys = [this.#keys.running(id), leases, consumers, delayed, idle, ...allReady, paused, cancels];
    const args: (string | number)[] = [
      id,
      this.#context.lease,
      want,
      first,
      this.#keys.wake(id),
      this.#new ? "new" : this.#waking.registered ? "idle" : "",
    ];
    const { words } = this.#waking;
    const started = performance.now();
    acks?.appendTo(keys, args, this.#context.puts);
    let reply: TakeReply;
    try {
      reply = await ask(keys, args);
    } catch (error) {
      this.#calling = undefined;
      return this.#failed(error as Error, acks, want);
    }
    this.#calling = undefined;
    this.#answered();
    // Given up in the meantime: what the call took under the old name goes to others when its lease is over.
    if (id !== this.#id) {
      acks?.refuse(this.#leaseLost());
      this.#options.slots.free(want);
      return this.#schedule();
    }
    if (reply[0] === "lost") return this.#lost(acks, want);
    this.#renewed = started;
    this.#new = false;
    if (acks !== undefined) this.#holding.accept(acks);
    this.#learn(reply as Taken, want, this.#waking.words > words);
    this.#receive(reply as Taken, first, want);
  }

  readonly #take: Ask = (keys, args) => this.#context.connection.run(scripts.take, keys, args);

  /** Learns how the queue stands; `heard`: a word came while the call was under way. */
  #learn([due, idle, told]: Taken, want: number, heard: boolean): void {
    if (want === 0) return;
    // A message may have been handed over in vain.
    if (told === 1 && !heard) this.#unsure = true;
    // A word may overtake the answer that set this consumer idle: then there is something again.
    this.#waking.registered = idle === 1 && !heard;
    if (this.#waking.registered || idle === 2) this.#rest(due);
  }

  #receive([, , , version, text, ...counts]: Taken, first: number, want: number): void {
    const fields = fieldsOf(first, counts);
    this.#options.slots.free(want - fields.length);
    const learnt = this.#context.cancellations.follow(version);
    const bodies = fields.length === 1 ? [text] : text.split("\n");
    if (fields.length > 0 && bodies.length !== fields.length) this.#start(this.#readSingly(fields, learnt));
    else this.#deliver(fields, bodies, learnt);
  }

  /** Hands messages on; `learnt`: once it is known here what was cancelled before they were taken. */
  #deliver(fields: readonly number[], bodies: readonly string[], learnt?: Promise<void>): void {
    const deliveries = this.#holding.add(fields, bodies);
    // The next call is under way while these are worked on.
    this.#flush();
    if (learnt !== undefined) return void this.#deliverAfter(learnt, deliveries);
    for (const delivery of deliveries) this.#options.deliver(delivery);
  }

  async #deliverAfter(learnt: Promise<void>, deliveries: readonly RedisDelivery[]): Promise<void> {
    try {
      await learnt;
    } catch (error) {
      // It cannot be known whether they may run: they are given back, as what nobody here knows of.
      const held = this.#holding.forget(deliveries);
      this.#options.slots.free(deliveries.length - held.length);
      return this.#failed(error as Error, undefined, held.length);
    }
    for (const delivery of deliveries) {
      // The lease may have been lost in the meantime.
      if (this.#holding.holds(delivery)) this.#options.deliver(delivery);
      else this.#options.slots.free(1);
    }
  }

  /**
   * Some body holds a line break of its own, so it is no envelope of ours: the batch is read again, one by one. Until that
   * is done there is no other call: a reconciliation would give back what nobody here seems to know of.
   */
  async #readSingly(fields: readonly number[], learnt: Promise<void> | undefined): Promise<void> {
    const running = this.#keys.running(this.#id);
    try {
      const bodies = await this.#context.connection.command((redis) => redis.hmget(running, ...fields.map(String)));
      this.#calling = undefined;
      // Where the lease was lost meanwhile, others have it.
      const there = fields.filter((_, i) => bodies[i] != null);
      this.#options.slots.free(fields.length - there.length);
      this.#deliver(
        there,
        bodies.filter((body) => body !== null),
        learnt,
      );
    } catch (error) {
      this.#calling = undefined;
      this.#failed(error as Error, undefined, fields.length);
    }
  }

  /** The queue is empty: sleeps until it is woken, or until a message that is held back is due. */
  #rest(due: number): void {
    if (!this.#taking) return;
    const share = Math.min(IDLE_POLL * this.#context.siblings(), this.#context.lease / 3);
    this.#waking.rest(due === -1 ? share : Math.min(due, share));
  }

  /** Renews the lease where no call has done so lately. */
  #beat(): void {
    // Cut off, nobody else would say that it is over.
    if (this.#holding.size > 0 && performance.now() - this.#renewed > this.#context.lease) this.#lost(undefined, 0);
    if (performance.now() - this.#lastAnswer < this.#context.lease / 4 || this.#calling !== undefined) return;
    if (this.#context.connection.ready && !this.#resting && !this.#unsure && !this.#new) this.#start(this.#call(0));
  }

  #answered(): void {
    this.#lastAnswer = performance.now();
    if (!this.#refused) return;
    this.#refused = false;
    this.#options.notice("info", "the server accepts commands again");
  }

  /** The call came to nothing, or nobody knows what it did. */
  #failed(error: Error, acks: AckBatch | undefined, want: number): void {
    this.#options.slots.free(want);
    this.#unsure = true;
    acks?.refuse(error);
    // Nobody knows whether the first call opened the lease: under this name it could be opened twice.
    if (this.#new) this.#startAnew(this.#leaseLost());
    const unavailable = error instanceof BrokerUnavailableError;
    // The connection tells when it is lost and when it is back.
    if (unavailable && !this.#context.connection.ready) return;
    // On a good connection the server refused, or one node of a cluster is gone: tried again after a rest.
    if (!this.#refused) {
      this.#refused = true;
      this.#options.notice(unavailable ? "warn" : "error", error.message, error);
    }
    this.#resting = true;
    const timer = setTimeout(() => {
      this.#resting = false;
      this.#schedule();
    }, REST);
    timer.unref();
  }

  /** Told by one consumer for all that share the connection. */
  #down(error: Error): void {
    if (!this.#context.isFirst(this)) return;
    const level = error instanceof BrokerRefusedError ? "error" : "warn";
    this.#options.notice(level, `${error.message}; trying again`, error);
  }

  #up(): void {
    if (this.#context.isFirst(this)) this.#options.notice("info", "connected");
    this.#unsure = this.#unsure || this.#holding.size > 0;
    this.#waking.wake();
  }

  /** Gives back what the server counts as held here and nobody here knows of. */
  async #reconcile(): Promise<void> {
    const { idle, allReady } = this.#keys;
    this.#givenBack = this.#sequence * 10;
    this.#waking.registered = false;
    try {
      await this.#context.connection.run(
        scripts.reconcile,
        [this.#keys.running(this.#id), idle, ...allReady],
        [this.#keys.wake(this.#id), ...this.#holding.fields()],
      );
      this.#unsure = false;
      this.#calling = undefined;
    } catch (error) {
      this.#calling = undefined;
      return this.#failed(error as Error, undefined, 0);
    }
    // At once, whether there is a free slot or not: the outage may have used up most of the lease.
    this.#waking.rouse();
    const want = this.#taking ? this.#reserve() : 0;
    // What it was woken for it takes now; said again later, that would have it leave the idle zset while it rests.
    if (want > 0) this.#waking.takeWord();
    this.#start(this.#call(want));
  }

  /** Others have, or will have, all that was held. Starts anew under another name. */
  #lost(acks: AckBatch | undefined, want: number): void {
    this.#options.slots.free(want);
    const reason = this.#leaseLost();
    acks?.refuse(reason);
    this.#startAnew(reason);
    this.#waking.wake();
  }

  /** Goes on under another name, with nothing in its hands. */
  #startAnew(reason: LeaseLostError): void {
    const lost = this.#holding.abandon(reason);
    this.#waking.unlisten(this.#keys.wake(this.#id));
    this.#id = randomUUID();
    this.#waking.listen(this.#keys.wake(this.#id));
    this.#new = true;
    this.#renewed = Infinity;
    if (lost.length > 0) {
      this.#options.notice("warn", `lease lost: ${lost.length} messages are in other hands`, reason);
      this.#options.lost(lost, reason);
    }
  }

  #deaf(error: Error): void {
    if (error instanceof BrokerRefusedError) {
      this.#options.notice("warn", `${error.message}; new messages are found by looking every two seconds`, error);
    }
  }

  /** `<field> <body>`: it is in the running hash already. */
  #takeOver(text: string): void {
    const space = text.indexOf(" ");
    const field = Number(text.slice(0, space));
    if (field < this.#givenBack) return;
    if (this.#taking && this.#options.slots.reserve(1) === 1) this.#deliver([field], [text.slice(space + 1)]);
    // Not held by anybody here, it will be given back.
    else this.#unsure = true;
  }
}

/** The fields of what a call took: the sequence goes on through all priorities. */
function fieldsOf(first: number, prioritiesAndCounts: readonly number[]): readonly number[] {
  const fields: number[] = [];
  for (let i = 0; i < prioritiesAndCounts.length; i += 2) {
    const [priority = 0, count = 0] = prioritiesAndCounts.slice(i, i + 2);
    for (let j = 0; j < count; j++) fields.push((first + fields.length) * 10 + priority);
  }
  return fields;
}
