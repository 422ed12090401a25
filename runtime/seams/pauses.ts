/** The seam to what is paused: queues that nobody takes from, and actors whose messages are held back. */

/** A queue, or one of its partitions; or an actor. */
export interface PauseTarget {
  readonly kind: "queue" | "actor";
  readonly name: string;
}

/** Something that is paused. */
export interface Pause extends PauseTarget {
  /** Since when: milliseconds since 1970 by the store's clock. */
  readonly since: number;
}

/** What is paused, for all processes, until it is resumed. */
export interface Pauses {
  /** Pauses it; false where it was paused already. */
  pause(target: PauseTarget): Promise<boolean>;
  /** Ends a pause; false where there was none. */
  resume(target: PauseTarget): Promise<boolean>;
  list(): Promise<readonly Pause[]>;
}
