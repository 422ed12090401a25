/** Tells the server what is done: once in an event-loop turn, and as few words as possible. */
import type { Channel, Message } from "amqplib";

export class Acks {
  readonly #channel: Channel;
  readonly #before: () => void;
  /** Done in this turn, and not yet told. */
  #done: Message[] = [];
  /** Done, told or not, and above the lowest that is not done. */
  readonly #settled = new Set<number>();
  /** Delivery tags begin at 1 on each channel. */
  #lowest = 1;
  #told: Promise<void> | undefined;

  /** `before` is called before the server is told, while all that is told of is still held. */
  constructor(channel: Channel, before: () => void) {
    this.#channel = channel;
    this.#before = before;
  }

  /** Resolves when it is written. The server does not answer an ack. */
  add(message: Message): Promise<void> {
    this.#done.push(message);
    this.#settled.add(message.fields.deliveryTag);
    this.#told ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#told = undefined;
        try {
          this.flush();
          resolve();
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    return this.#told;
  }

  /** Tells what is done now. Throws where the channel is closed. */
  flush(): void {
    if (this.#done.length === 0) return;
    this.#before();
    while (this.#settled.delete(this.#lowest)) this.#lowest++;
    // All tags below `lowest` are done: the highest of this turn's among them can speak for the others.
    let highest: Message | undefined;
    const others: Message[] = [];
    for (const message of this.#done) {
      const tag = message.fields.deliveryTag;
      if (tag >= this.#lowest) others.push(message);
      else if (highest === undefined || tag > highest.fields.deliveryTag) highest = message;
    }
    this.#done = [];
    if (highest !== undefined) this.#channel.ack(highest, true);
    for (const message of others) this.#channel.ack(message);
  }
}
