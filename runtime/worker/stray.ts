/** Messages that come to no actor, and so to no middleware: what cannot be read, and what is for an actor unknown here. */
import type { Actor } from "../actor.js";
import { partitionsOf } from "../vocabulary/partitions.js";
import type { WorkerListener } from "./listener.js";

/** A message that came to no actor. */
export interface Stray {
  /** Its queue as a contract names it, not one of the partitions. */
  readonly queue: string;
  readonly reason: "undecodable" | "unknown-actor";
  /** Whether it was met for the first time: one for an unknown actor comes by again and again. */
  readonly isNew: boolean;
  /** Whether it went to the dead letters. */
  readonly isDead: boolean;
}

/** Tells those who listen. */
export class Strays {
  readonly #listeners: readonly WorkerListener[];
  readonly #queues: ReadonlyMap<string, string>;

  constructor(listeners: readonly WorkerListener[], actors: readonly Actor[]) {
    this.#listeners = listeners;
    this.#queues = new Map(
      actors.flatMap(({ options: { queue, partitions } }) =>
        partitionsOf(queue, partitions).map((partition) => [partition, queue] as const),
      ),
    );
  }

  tell({ queue, ...stray }: Stray): void {
    for (const each of this.#listeners) each.stray?.({ ...stray, queue: this.#queues.get(queue) ?? queue });
  }
}
