/** Messages that come to no actor, and so to no middleware: what cannot be read, and what is for an actor unknown here. */
import type { Actor } from "../actor.js";
import type { MaybePlaced, Placed } from "../middleware.js";
import { partitionsOf } from "../vocabulary/partitions.js";
import type { Middleware } from "./middleware/compose.js";

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

/** A middleware that hears of strays beside the attempts. */
export interface StrayListener extends Placed<Middleware> {
  readonly stray: (stray: Stray) => void;
}

/** Tells those who listen. */
export class Strays {
  readonly #listeners: readonly StrayListener[];
  readonly #queues: ReadonlyMap<string, string>;

  constructor(middleware: readonly MaybePlaced<Middleware>[], actors: readonly Actor[]) {
    this.#listeners = middleware.filter(listens);
    this.#queues = new Map(
      actors.flatMap(({ options: { queue, partitions } }) =>
        partitionsOf(queue, partitions).map((partition) => [partition, queue] as const),
      ),
    );
  }

  tell({ queue, ...stray }: Stray): void {
    for (const { stray: hear } of this.#listeners) hear({ ...stray, queue: this.#queues.get(queue) ?? queue });
  }
}

function listens(middleware: MaybePlaced<Middleware>): middleware is StrayListener {
  return "stray" in middleware;
}
