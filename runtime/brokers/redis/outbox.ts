/** Gathers what is sent in one turn of the event loop, so that it travels in one command. */

/** How many characters one command carries: it is one string before it is sent, and other clients want their turn. */
const LARGEST_SIZE = 1024 * 1024;

/** What travels together. */
interface Batch<Item> {
  readonly items: Item[];
  size: number;
  readonly sent: Promise<void>;
  readonly settle: (sent: Promise<unknown>) => void;
}

export class Outbox<Item> {
  readonly #send: (items: readonly Item[]) => Promise<unknown>;
  readonly #most: number;
  #batch: Batch<Item> | undefined;
  /** Batches without an answer. */
  #underWay = 0;

  /** `send` sends one batch of at most so many items. */
  constructor(most: number, send: (items: readonly Item[]) => Promise<unknown>) {
    this.#most = most;
    this.#send = send;
  }

  /** Adds an item of so many characters. Items that travel together share the promise. */
  add(item: Item, size: number): Promise<void> {
    const batch = (this.#batch ??= this.#begin());
    batch.items.push(item);
    batch.size += size;
    if (batch.items.length >= this.#most || batch.size > LARGEST_SIZE) this.#flush(batch);
    return batch.sent;
  }

  #begin(): Batch<Item> {
    let settle!: Batch<Item>["settle"];
    const sent = new Promise<void>((resolve, reject) => {
      settle = (reply) => void reply.then(() => resolve(), reject);
    });
    const batch = { items: [], size: 0, sent, settle };
    // Where nothing is under way it leaves as soon as this turn's code has run; else it waits for company.
    if (this.#underWay === 0) process.nextTick(() => this.#flush(batch));
    else setImmediate(() => this.#flush(batch));
    return batch;
  }

  #flush(batch: Batch<Item>): void {
    // One that grew large has left already.
    if (this.#batch !== batch) return;
    this.#batch = undefined;
    this.#underWay++;
    const answer = this.#send(batch.items);
    batch.settle(answer);
    const answered = () => void this.#underWay--;
    answer.then(answered, answered);
  }
}
