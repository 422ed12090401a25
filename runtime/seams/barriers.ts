/** The seam to barriers: who has come to a meeting, and whether it is complete. */

/** A store of barriers. */
export interface BarrierStore {
  /** Makes a barrier that lasts for `ttl` milliseconds; false where there is one of this key. */
  create(key: string, parties: number, ttl: number): Promise<boolean>;
  /** Notes that a member is there: true for the one who completes it, each time; `undefined` where there is no barrier. */
  arrive(key: string, member: string): Promise<boolean | undefined>;
  /** Waits at most so many milliseconds; whether it is complete; `undefined` where there is none, or no longer. */
  wait(key: string, timeout: number): Promise<boolean | undefined>;
}
