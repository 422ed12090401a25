/** Tells the server what is done, in as few words as possible, and no later than it needs to know. */
import type { Channel, Message } from "amqplib";

/** Something with a message that the server waits to hear of. */
export interface Unacked {
  readonly message: Message;
}

/**
 * How long the server may go without being told, in milliseconds, where it does not wait for it. Each ack is a system
 * call here and an entry in the log of a quorum queue there: the server pushes twice as much where one speaks for 50
 * messages as where each has its own.
 */
const LONGEST_SILENCE = 2;

/** Whose acks they are. */
export interface AcksOwner<U extends Unacked> {
  /** Whether the server may be about to stop pushing until it is told. */
  readonly pressing: () => boolean;
  /** Is called with what the server is told of next. */
  readonly telling: (done: readonly U[]) => void;
  /** Why the server could not be told: the channel is closed. */
  readonly untold: () => Error;
}

/** What the server is told of together, as those see it who wait for that. */
interface Batch {
  readonly told: Promise<void>;
  readonly end: (error?: Error) => void;
}

export class Acks<U extends Unacked> {
  readonly #channel: Pick<Channel, "ack">;
  readonly #owner: AcksOwner<U>;
  /** Done, and not yet told. */
  #done: U[] = [];
  #batch: Batch | undefined;
  #considering = false;
  #patience: NodeJS.Timeout | undefined;
  /** Done, told or not, and above the lowest that is not done. */
  readonly #settled = new Set<number>();
  /** Delivery tags begin at 1 on each channel. */
  #lowest = 1;

  constructor(channel: Pick<Channel, "ack">, owner: AcksOwner<U>) {
    this.#channel = channel;
    this.#owner = owner;
  }

  /**
   * Resolves when it is written, together with others that are done. The server does not answer an ack. Rejects where
   * the channel is closed.
   */
  add(unacked: U): Promise<void> {
    this.#done.push(unacked);
    const tag = unacked.message.fields.deliveryTag;
    // Most is done in order, and needs no place in the set.
    if (tag === this.#lowest) this.#lowest++;
    else this.#settled.add(tag);
    this.#considerLater();
    this.#batch ??= newBatch();
    return this.#batch.told;
  }

  /** Tells what is done now. */
  flush(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    const batch = this.#batch;
    if (batch === undefined) return;
    const done = this.#done;
    this.#batch = undefined;
    this.#done = [];
    this.#owner.telling(done);
    try {
      this.#tell(done);
      batch.end();
    } catch {
      batch.end(this.#owner.untold());
    }
  }

  /** At the end of the turn, when all that is done in it is known. */
  #considerLater(): void {
    if (this.#considering) return;
    this.#considering = true;
    setImmediate(() => {
      this.#considering = false;
      if (this.#owner.pressing()) this.flush();
      else if (this.#batch !== undefined) this.#patience ??= setTimeout(() => this.flush(), LONGEST_SILENCE);
    });
  }

  #tell(done: readonly U[]): void {
    while (this.#settled.delete(this.#lowest)) this.#lowest++;
    // All tags below `lowest` are done: the highest of these among them can speak for the others.
    let highest: Message | undefined;
    const others: Message[] = [];
    for (const { message } of done) {
      const tag = message.fields.deliveryTag;
      if (tag >= this.#lowest) others.push(message);
      else if (highest === undefined || tag > highest.fields.deliveryTag) highest = message;
    }
    if (highest !== undefined) this.#channel.ack(highest, true);
    for (const message of others) this.#channel.ack(message);
  }
}

function newBatch(): Batch {
  let end: Batch["end"] = () => undefined;
  const told = new Promise<void>((resolve, reject) => {
    end = (error) => (error === undefined ? resolve() : reject(error));
  });
  return { told, end };
}
