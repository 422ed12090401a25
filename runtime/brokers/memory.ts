/** The broker that needs no server: everything is in this process and is gone with it. For development and tests. */
import type {
  Broker,
  ConsumeOptions,
  Consumer,
  DeadLetter,
  DeadLetterInit,
  DeadLetters,
  Delivery,
  Publication,
} from "../broker.js";
import { systemClock, type Clock } from "../clock.js";
import { defaults } from "../defaults.js";
import { asFirstAttempt } from "../dead-letter.js";
import { reissue } from "../envelope.js";
import { BrokerClosedError, LeaseLostError, type PendingState } from "../errors.js";
import type { Awaited, ResultStore, StoredResult, WaitOptions } from "../results.js";
import { readResult, writeResult } from "../stored-result.js";

export interface MemoryBrokerOptions {
  /** What time it is. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Where messages are kept. Give the same to several brokers to have them share it, as two processes share a server. */
  readonly backend?: MemoryBackend;
}

/** A broker in this process. */
export function memoryBroker(options: MemoryBrokerOptions = {}): Broker {
  return new MemoryBroker(options.backend ?? new MemoryBackend(options.clock));
}

interface Waiting {
  readonly publication: Publication;
  readonly crashes: number;
}

interface DelayedMessage extends Waiting {
  readonly due: number;
}

interface Expiring<T> {
  readonly value: T;
  readonly expires: number;
}

/** One queue: what waits, what is held back, what is dead, and who takes from it. */
class MemoryQueue {
  /** By priority, 0 to 9. */
  readonly ready: Waiting[][] = Array.from({ length: 10 }, () => []);
  readonly delayed = new Set<DelayedMessage>();
  readonly consumers = new Set<MemoryConsumer>();
  #dead: readonly DeadLetter[] = [];

  constructor(readonly clock: Clock) {}

  /** The dead letters that are not too old, the oldest first. */
  get dead(): readonly DeadLetter[] {
    const since = this.clock.now() - defaults.broker.deadLetterTtl;
    return this.#dead.filter(({ diedAt }) => diedAt > since);
  }

  set dead(letters: readonly DeadLetter[]) {
    this.#dead = letters;
  }

  add(publication: Publication, crashes = 0): void {
    if (publication.delay === 0) return this.put({ publication, crashes }, "last");
    const delayed: DelayedMessage = {
      publication: { ...publication, delay: 0 },
      crashes,
      due: this.clock.now() + publication.delay,
    };
    this.delayed.add(delayed);
    const promote = () => {
      this.delayed.delete(delayed);
      this.put(delayed, "last");
    };
    this.clock.after(publication.delay, promote, { background: true });
  }

  put(waiting: Waiting, place: "first" | "last"): void {
    const list = this.ready[waiting.publication.priority];
    if (place === "first") list?.unshift(waiting);
    else list?.push(waiting);
    for (const consumer of this.consumers) consumer.pull();
    // Another one is first next time.
    const [first] = this.consumers;
    if (first !== undefined && this.consumers.delete(first)) this.consumers.add(first);
  }

  take(): Waiting | undefined {
    for (let priority = 9; priority >= 0; priority--) {
      const waiting = this.ready[priority]?.shift();
      if (waiting !== undefined) return waiting;
    }
    return undefined;
  }

  bury(letter: DeadLetterInit): void {
    this.dead = [...this.dead, { ...letter, diedAt: this.clock.now() }];
  }
}

/** What a server would hold: the queues and the results. */
export class MemoryBackend {
  readonly #queues = new Map<string, MemoryQueue>();
  readonly results = new Map<string, Expiring<StoredResult>>();
  readonly states = new Map<string, Expiring<PendingState>>();
  readonly waiters = new Map<string, Set<(result: StoredResult) => void>>();

  constructor(readonly clock: Clock = systemClock) {}

  queue(name: string): MemoryQueue {
    let queue = this.#queues.get(name);
    if (queue === undefined) this.#queues.set(name, (queue = new MemoryQueue(this.clock)));
    return queue;
  }

  /** Ends the leases of all consumers of a queue, as if no heartbeat had come: for tests. */
  endLeases(name: string): void {
    for (const consumer of this.queue(name).consumers) consumer.expire();
  }

  /** The value under a key, unless its time is over. */
  read<T>(map: ReadonlyMap<string, Expiring<T>>, key: string): T | undefined {
    const entry = map.get(key);
    return entry !== undefined && entry.expires > this.clock.now() ? entry.value : undefined;
  }

  /** Keeps a value for a while, and forgets it then. */
  write<T>(map: Map<string, Expiring<T>>, key: string, value: T, ttl: number): void {
    const entry = { value, expires: this.clock.now() + ttl };
    map.set(key, entry);
    const forget = () => {
      if (map.get(key) === entry) map.delete(key);
    };
    this.clock.after(ttl, forget, { background: true });
  }
}

class MemoryBroker implements Broker {
  readonly name = "memory";
  readonly results: ResultStore;
  readonly deadLetters: DeadLetters;
  readonly #backend: MemoryBackend;
  readonly #consumers = new Set<MemoryConsumer>();
  #closed = false;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
    this.results = new MemoryResults(backend);
    this.deadLetters = new MemoryDeadLetters(backend);
  }

  async publish(messages: readonly Publication[]): Promise<void> {
    if (this.#closed) throw new BrokerClosedError(this.name);
    for (const message of messages) this.#backend.queue(message.queue).add(message);
  }

  consume(queue: string, options: ConsumeOptions): Consumer {
    if (this.#closed) throw new BrokerClosedError(this.name);
    const consumer = new MemoryConsumer(this.#backend.queue(queue), queue, options);
    this.#consumers.add(consumer);
    return consumer;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const consumer of this.#consumers) consumer.die();
  }
}

class MemoryConsumer implements Consumer {
  readonly #queue: MemoryQueue;
  readonly #name: string;
  readonly #options: ConsumeOptions;
  readonly #held = new Set<MemoryDelivery>();
  #taking = true;
  #scheduled = false;

  constructor(queue: MemoryQueue, name: string, options: ConsumeOptions) {
    this.#queue = queue;
    this.#name = name;
    this.#options = options;
    queue.consumers.add(this);
    this.pull();
  }

  get healthy(): boolean {
    return this.#taking;
  }

  pull(): void {
    if (this.#scheduled || !this.#taking) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#fetch();
    });
  }

  #fetch(): void {
    while (this.#taking && this.#options.slots.reserve(1) === 1) {
      const waiting = this.#queue.take();
      if (waiting === undefined) return this.#options.slots.free(1);
      const delivery = new MemoryDelivery(this.#name, waiting, this);
      this.#held.add(delivery);
      this.#options.deliver(delivery);
    }
  }

  /** Lets go of a message that it holds, and does what follows. Refused when it is no longer held. */
  async settle(delivery: MemoryDelivery, follow: (queue: MemoryQueue) => void): Promise<void> {
    if (!this.#held.delete(delivery)) {
      throw new LeaseLostError(`the message is no longer held by this consumer of "${this.#name}"`);
    }
    follow(this.#queue);
  }

  async stop(): Promise<void> {
    this.#taking = false;
    this.#queue.consumers.delete(this);
  }

  async close(): Promise<void> {
    await this.stop();
    this.#giveBack(0);
  }

  /** Its process is gone, as far as the backend can tell: what it held goes to others when the lease is over. */
  die(): void {
    if (this.#held.size === 0 && !this.#taking) return;
    void this.stop();
    this.#queue.clock.after(defaults.broker.lease, () => this.expire(), { background: true });
  }

  /** Its lease is over: what it holds is given to others, and it is told. */
  expire(): void {
    const lost = [...this.#held];
    this.#giveBack(1);
    const reason = new LeaseLostError(`the lease on messages of "${this.#name}" ran out: other workers have them`);
    if (lost.length > 0) this.#options.lost(lost, reason);
  }

  #giveBack(crashes: number): void {
    for (const delivery of [...this.#held].reverse()) {
      this.#queue.put({ ...delivery.waiting, crashes: delivery.waiting.crashes + crashes }, "first");
    }
    this.#held.clear();
  }
}

class MemoryDelivery implements Delivery {
  readonly queue: string;
  readonly priority: number;
  readonly body: string;
  readonly waiting: Waiting;
  readonly #consumer: MemoryConsumer;

  constructor(queue: string, waiting: Waiting, consumer: MemoryConsumer) {
    const { publication, crashes } = waiting;
    this.queue = queue;
    this.priority = publication.priority;
    this.body = crashes === 0 ? publication.body : withCrashes(publication.body, crashes);
    this.waiting = waiting;
    this.#consumer = consumer;
  }

  ack(): Promise<void> {
    return this.#consumer.settle(this, () => undefined);
  }

  retry(next: Publication): Promise<void> {
    return this.#consumer.settle(this, (queue) => queue.add(next));
  }

  reject(letter: DeadLetterInit): Promise<void> {
    return this.#consumer.settle(this, (queue) => queue.bury(letter));
  }

  release(): Promise<void> {
    return this.#consumer.settle(this, (queue) => queue.put(this.waiting, "first"));
  }
}

/** The message's bytes, with its crashes; what is no envelope stays as it is, and whoever decodes it will say so. */
function withCrashes(body: string, crashes: number): string {
  try {
    return reissue(body, { crashes });
  } catch {
    return body;
  }
}

class MemoryDeadLetters implements DeadLetters {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async list(name: string, { limit = 100 }: { readonly limit?: number } = {}): Promise<readonly DeadLetter[]> {
    return this.#backend.queue(name).dead.toReversed().slice(0, limit);
  }

  async replay(name: string, id: string): Promise<boolean> {
    const queue = this.#backend.queue(name);
    const letter = queue.dead.find((each) => each.id === id);
    if (letter === undefined) return false;
    queue.dead = queue.dead.filter((each) => each !== letter);
    queue.add({ id, queue: name, priority: letter.priority, delay: 0, body: asFirstAttempt(letter) });
    return true;
  }

  async purge(name: string): Promise<number> {
    const queue = this.#backend.queue(name);
    const count = queue.dead.length;
    queue.dead = [];
    return count;
  }
}

class MemoryResults implements ResultStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async put(id: string, result: StoredResult, ttl: number): Promise<void> {
    const { results, states, waiters } = this.#backend;
    // An answer is written once: a worker that lost its lease must not replace it.
    if (this.#backend.read(results, id)?.ok === true) return;
    // Through JSON, so that no test passes on a value that would not travel.
    const stored = readResult(id, writeResult(result));
    this.#backend.write(results, id, stored, ttl);
    states.delete(id);
    for (const wake of waiters.get(id) ?? []) wake(stored);
  }

  async note(id: string, state: PendingState, ttl: number): Promise<void> {
    this.#backend.write(this.#backend.states, id, state, ttl);
  }

  address(): string {
    return "memory";
  }

  wait(id: string, { timeout, sent }: WaitOptions): Promise<Awaited> {
    const { results, states, waiters, clock } = this.#backend;
    const there = this.#backend.read(results, id);
    if (there !== undefined) return Promise.resolve({ done: there });
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        cancel();
        const others = waiters.get(id);
        others?.delete(wake);
        if (others?.size === 0) waiters.delete(id);
        settle();
      };
      const wake = (done: StoredResult) => end(() => resolve({ done }));
      const cancel = clock.after(timeout, () =>
        end(() => resolve({ pending: this.#backend.read(states, id) ?? { state: "pending" } })),
      );
      waiters.set(id, (waiters.get(id) ?? new Set()).add(wake));
      sent?.catch((error: unknown) => end(() => reject(error as Error)));
    });
  }
}
