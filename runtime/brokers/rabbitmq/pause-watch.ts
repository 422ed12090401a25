/** Has consumers rest while their queue is paused. AMQP knows no pause: what is paused stands in a state store. */
import type { Pauses } from "../../seams/pauses.js";

/** How often it is looked what is paused, in milliseconds. */
const INTERVAL = 1000;

/** Who takes from a queue. */
export interface Pausable {
  pause(): Promise<void>;
  resume(): void;
}

export class PauseWatch {
  readonly #pauses: Pauses;
  readonly #consumers = new Set<{ readonly queue: string; readonly consumer: Pausable }>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(pauses: Pauses) {
    this.#pauses = pauses;
  }

  /** Whether a queue is paused; a store that is away says nothing. Never rejects. */
  async isPaused(queue: string): Promise<boolean> {
    const all = await this.#pauses.list().catch(() => []);
    return all.some(({ kind, name }) => kind === "queue" && name === queue);
  }

  /** Has a consumer rest whenever this queue is paused. */
  add(queue: string, consumer: Pausable): void {
    this.#consumers.add({ queue, consumer });
    this.#timer ??= setInterval(() => void this.#look(), INTERVAL).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#consumers.clear();
  }

  /** Never rejects: while the store is away, everything stays as it was. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const all = await this.#pauses.list();
      const paused = new Set(all.flatMap(({ kind, name }) => (kind === "queue" ? [name] : [])));
      for (const { queue, consumer } of this.#consumers) {
        if (paused.has(queue)) void consumer.pause();
        else consumer.resume();
      }
    } catch {
      // The next look may be luckier.
    } finally {
      this.#looking = false;
    }
  }
}
