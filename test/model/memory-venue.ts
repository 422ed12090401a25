/** The memory broker in the model's runs. Its clock is moved. */
import type { Broker, Consumer } from "../../runtime/seams/broker.js";
import { MemoryBackend, memoryBroker } from "../../runtime/brokers/memory/index.js";
import { MovableClock } from "../../runtime/testing/clock.js";
import { HOUR, type SameHour } from "./queue.js";
import { inWords, lettersInWords, QUEUE, type SeamState, type Venue } from "./seam.js";

export class MemoryVenue implements Venue {
  readonly suspectCrashes = Infinity;
  readonly patience = 500;
  readonly promotes = true;
  #clock = new MovableClock();
  #backend = new MemoryBackend(this.#clock);

  /** First come, first served. */
  readonly sameHour: SameHour = () => 0;

  async reset(): Promise<void> {
    this.#clock = new MovableClock();
    this.#backend = new MemoryBackend(this.#clock);
  }

  connect(): Broker {
    return memoryBroker({ backend: this.#backend });
  }

  async state(): Promise<SeamState> {
    const { ready, delayed } = this.#backend.queue(QUEUE);
    const letters = await this.connect().deadLetters.list(QUEUE, { limit: Infinity });
    const lines = ready.map((line, priority): [number, string[]] => [priority, line.map(waitingInWords)]);
    return {
      ready: Object.fromEntries(lines.filter(([, line]) => line.length > 0)),
      delayed: [...delayed]
        .sort((one, other) => one.due - other.due)
        .map((message) => {
          const hours = (message.due - this.#clock.now()) / HOUR;
          return `in ${hours} hours with ${message.publication.priority}: ${waitingInWords(message)}`;
        }),
      dead: lettersInWords(letters, ({ diedAt }) => (this.#clock.now() - diedAt) / HOUR),
    };
  }

  pass(hours: number): Promise<void> {
    return this.#clock.pass(hours * HOUR);
  }

  async expire(consumer: Consumer): Promise<void> {
    for (const each of this.#backend.queue(QUEUE).consumers) if (Object.is(each, consumer)) each.expire();
  }

  /** Nobody sleeps here. */
  async poke(): Promise<void> {}
}

type Waiting = Parameters<ReturnType<MemoryBackend["queue"]>["put"]>[0];

function waitingInWords({ publication, crashes }: Waiting): string {
  return inWords(publication.body, crashes);
}
