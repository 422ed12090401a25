/**
 * Dead letters in RabbitMQ: a queue of them beside each queue. AMQP has no index: to list them or to find one, all are
 * taken in turn and given back.
 */
import type { Channel, GetMessage } from "amqplib";
import type {
  DeadLetter,
  DeadLetterFate,
  DeadLetterFilter,
  DeadLetterInit,
  DeadLetters,
  Publication,
} from "../../seams/broker.js";
import { sleep, systemClock } from "../../support/clock.js";
import { asFirstAttempt, fits, readDeadLetter } from "../../wire/dead-letter.js";
import { defaults } from "../../vocabulary/defaults.js";
import { BrokerUnavailableError } from "../../vocabulary/errors.js";
import type { MaybePromise } from "../../support/maybe.js";
import type { RabbitmqConnection } from "./connection.js";
import type { Publisher } from "./publisher.js";
import type { Topology } from "./topology.js";

/** How many letters are put back in one go. */
const BATCH = 100;
/** How often a look is tried, and how much longer each pause before the next try is, in milliseconds. */
const TRIES = 4;
const PAUSE = 100;

export class RabbitmqDeadLetters implements DeadLetters {
  readonly #ttl: number;
  readonly #connection: RabbitmqConnection;
  readonly #topology: Topology;
  readonly #publisher: Publisher;
  /** Looking through letters takes them away for the moment: one look at a time. */
  #looking: Promise<unknown> = Promise.resolve();
  /** One for all looks: what one gives back comes to another channel only after a moment. */
  #channel: Channel | undefined;

  constructor(
    connection: RabbitmqConnection,
    topology: Topology,
    publisher: Publisher,
    { ttl }: { readonly ttl: number },
  ) {
    this.#connection = connection;
    this.#topology = topology;
    this.#publisher = publisher;
    this.#ttl = ttl;
  }

  /** Keeps a letter; resolves when the server has it. */
  bury(letter: DeadLetterInit): Promise<void> {
    const dead = this.#topology.dead(letter.queue);
    const diedAt = Date.now();
    const options = {
      messageId: letter.id,
      persistent: true,
      mandatory: true,
      contentType: "application/json",
      timestamp: Math.floor(diedAt / 1000),
      // Of the message and not of the queue: a queue's own cannot be changed once it is declared.
      expiration: String(this.#ttl),
      headers: { reason: letter.reason },
    };
    const body = JSON.stringify({ ...letter, diedAt } satisfies DeadLetter);
    return this.#publisher.post([{ exchange: "", routingKey: dead.name, body, options, needs: [dead] }]);
  }

  list(queue: string, filter: DeadLetterFilter = {}): Promise<readonly DeadLetter[]> {
    const limit = filter.limit ?? defaults.broker.deadLetterLimit;
    return this.#look(queue, async (channel, name) => {
      const letters: DeadLetter[] = [];
      for await (const { letter } of lettersOf(channel, name)) {
        if (!fits(letter, filter)) continue;
        letters.push(letter);
        if (letters.length > limit * 2) keepNewest(letters, limit);
      }
      keepNewest(letters, limit);
      return letters;
    });
  }

  replay(queue: string, id: string): Promise<boolean> {
    return this.#look(queue, async (channel, name) => {
      for await (const { message, letter } of lettersOf(channel, name)) {
        if (letter.id !== id) continue;
        await this.#publisher.publish([firstAttempt(queue, letter)]);
        channel.ack(message);
        return true;
      }
      return false;
    });
  }

  async settle(
    queue: string,
    filter: DeadLetterFilter,
    decide: (letter: DeadLetter) => MaybePromise<DeadLetterFate>,
  ): Promise<{ readonly replayed: number; readonly removed: number }> {
    const { limit } = filter;
    // They come in the order of their deaths: which are the newest is not known before all have been looked at.
    const newest = limit === undefined ? undefined : (await this.list(queue, filter)).map(({ id }) => id);
    const wanted = newest === undefined ? filter : { ...filter, ids: newest };
    let removed = 0;
    const replayed = new Set<string>();
    await this.#look(queue, async (channel, name) => {
      let batch: Found[] = [];
      const replayBatch = async () => {
        const found = batch;
        batch = [];
        await this.#publisher.publish(found.map(({ letter }) => firstAttempt(queue, letter)));
        for (const { message } of found) channel.ack(message);
      };
      for await (const found of lettersOf(channel, name)) {
        // It was put back a moment ago and has died again.
        if (replayed.has(found.letter.id)) continue;
        const fate = fits(found.letter, wanted) ? await decide(found.letter) : "keep";
        if (fate === "replay") {
          replayed.add(found.letter.id);
          if (batch.push(found) === BATCH) await replayBatch();
        } else if (fate === "remove") {
          channel.ack(found.message);
          removed++;
        }
      }
      if (batch.length > 0) await replayBatch();
    });
    return { replayed: replayed.size, removed };
  }

  purge(queue: string): Promise<number> {
    return this.#look(queue, async (channel, name) => (await channel.purgeQueue(name)).messageCount);
  }

  /** Does something with the letters, and gives back what was looked at and not acked. */
  #look<T>(queue: string, look: (channel: Channel, name: string) => Promise<T>): Promise<T> {
    const looking = this.#looking.then(async () => {
      for (let tries = 1; ; tries++) {
        try {
          return await this.#lookOnce(queue, look);
        } catch (error) {
          // A queue that was declared a moment ago may have no leader yet.
          if (!(error instanceof BrokerUnavailableError) || tries === TRIES) throw error;
          await sleep(systemClock, tries * PAUSE);
        }
      }
    });
    this.#looking = looking.catch(() => undefined);
    return looking;
  }

  async #lookOnce<T>(queue: string, look: (channel: Channel, name: string) => Promise<T>): Promise<T> {
    const { name, declare } = this.#topology.dead(queue);
    await declare();
    const channel = await this.#open();
    try {
      const found = await look(channel, name);
      channel.nackAll(true);
      // Acks have no answer, and are lost where the connection is closed at once; the answer to this comes after them.
      await channel.checkQueue(name);
      return found;
    } catch (error) {
      // The end of a channel gives back what was looked at, too.
      this.#channel = undefined;
      await channel.close().catch(() => undefined);
      throw this.#connection.translate(error);
    }
  }

  async #open(): Promise<Channel> {
    if (this.#channel !== undefined) return this.#channel;
    const channel = await this.#connection.channel();
    channel.once("close", () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    this.#channel = channel;
    return channel;
  }
}

/** A dead letter in our hands, until it is acked or the channel ends. */
interface Found {
  readonly message: GetMessage;
  readonly letter: DeadLetter;
}

/** The dead letters in a queue, in the order of their deaths; what is none is passed over. */
async function* lettersOf(channel: Channel, name: string): AsyncGenerator<Found> {
  for (let message = await channel.get(name); message !== false; message = await channel.get(name)) {
    const letter = read(message);
    if (letter !== undefined) yield { message, letter };
  }
}

/** A dead letter on its way back into its queue. */
function firstAttempt(queue: string, letter: DeadLetter): Publication {
  const { id, priority } = letter;
  return { id, queue, priority, delay: 0, body: asFirstAttempt(letter) };
}

/** A dead letter as it was kept; `undefined` for what is none. */
function read(message: GetMessage): DeadLetter | undefined {
  const letter = readDeadLetter(message.content.toString());
  return letter?.diedAt === undefined ? undefined : { ...letter, diedAt: letter.diedAt };
}

function keepNewest(letters: DeadLetter[], limit: number): void {
  letters.sort((a, b) => b.diedAt - a.diedAt);
  letters.length = Math.min(letters.length, limit);
}
