/** What an operator asks of the memory broker. */
import { decodeEnvelope } from "../../wire/envelope.js";
import type { Operations, QueueStats } from "../../seams/operations.js";
import type { MemoryBackend } from "./backend.js";
import type { MemoryQueue } from "./queue.js";

export class MemoryOperations implements Operations {
  readonly limits = [];
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async queues(): Promise<readonly string[]> {
    return this.#backend.queueNames.toSorted();
  }

  async stats(name: string): Promise<QueueStats> {
    const queue = this.#backend.queue(name);
    const waitingByPriority = queue.ready.map(({ length }) => length);
    const due = [...queue.delayed].map((delayed) => delayed.due);
    return {
      waiting: sum(waitingByPriority),
      waitingByPriority,
      delayed: due.length,
      running: sum([...queue.consumers].map(({ holding }) => holding)),
      dead: queue.dead.length,
      // Here no message is handled alone.
      suspects: 0,
      oldestAge: oldestAge(queue),
      nextDue: due.length === 0 ? null : Math.min(...due),
    };
  }
}

/** The age of the oldest of those that are next in their lines. */
function oldestAge({ ready, clock }: MemoryQueue): number | null {
  const sent = ready.flatMap(([first]) => (first === undefined ? [] : [sentAt(first.publication.body) ?? Infinity]));
  const oldest = Math.min(...sent);
  return oldest === Infinity ? null : Math.max(0, clock.now() - oldest);
}

function sentAt(body: string): number | undefined {
  try {
    return decodeEnvelope(body).at;
  } catch {
    return undefined;
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
