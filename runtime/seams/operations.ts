/** The seam to what an operator asks of a broker: which queues there are, and how each stands. */

/** How a queue stands. What the broker cannot tell is `undefined`. */
export interface QueueStats {
  /** Messages that can be taken at once. */
  readonly waiting: number | undefined;
  /** The same by priority: the place in the list is the priority, 0 to 9. */
  readonly waitingByPriority: readonly number[] | undefined;
  /** Messages that are held back, retries among them. */
  readonly delayed: number | undefined;
  /** Messages in workers' hands. */
  readonly running: number | undefined;
  readonly dead: number | undefined;
  /** Messages that wait to be handled alone, because several workers died with them. */
  readonly suspects: number | undefined;
  /** Milliseconds since the oldest of the messages that are next in line was sent, by its sender's clock; `null` where none waits. */
  readonly oldestAge: number | null | undefined;
  /** When the next message that is held back is due: milliseconds since 1970 by the broker's clock; `null` where there is none. */
  readonly nextDue: number | null | undefined;
}

/** What an operator asks of a broker. */
export interface Operations {
  /** What this broker cannot tell, in sentences for people. */
  readonly limits: readonly string[];
  /** The queues, partitions one by one, that the broker knows by itself: all that were used lately, or those that this process used. */
  queues(): Promise<readonly string[]>;
  /** How a queue stands. One that was never used is empty. */
  stats(queue: string): Promise<QueueStats>;
}
