/**
 * The seam to a state store: what processes share beside the messages themselves. Each feature that needs some has a
 * seam of its own here, so that a store is a few small parts. Nothing in it outlives its time.
 */
export interface StateStore {
  /** For people: the kind and where it is, never a password. */
  readonly name: string;
}
