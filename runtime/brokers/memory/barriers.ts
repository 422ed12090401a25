/** Barriers in memory. */
import type { BarrierStore } from "../../seams/barriers.js";
import { Wakeup } from "../../support/wakeup.js";
import type { MemoryBackend } from "./backend.js";

/** A barrier that is there. */
export interface MemoryBarrier {
  readonly parties: number;
  readonly expires: number;
  /** In the order in which they came: the one who is the last of the parties completes it. */
  readonly members: Set<string>;
  readonly waiting: Set<Wakeup>;
}

export class MemoryBarriers implements BarrierStore {
  readonly #backend: MemoryBackend;

  constructor(backend: MemoryBackend) {
    this.#backend = backend;
  }

  async create(key: string, parties: number, ttl: number): Promise<boolean> {
    if (this.#find(key) !== undefined) return false;
    const { barriers, clock } = this.#backend;
    const barrier = { parties, expires: clock.now() + ttl, members: new Set<string>(), waiting: new Set<Wakeup>() };
    barriers.set(key, barrier);
    const forget = () => {
      if (barriers.get(key) === barrier) barriers.delete(key);
      for (const wakeup of barrier.waiting) wakeup.call();
    };
    clock.after(ttl, forget, { background: true });
    return true;
  }

  async arrive(key: string, member: string): Promise<boolean | undefined> {
    const barrier = this.#find(key);
    if (barrier === undefined) return undefined;
    barrier.members.add(member);
    if (!isComplete(barrier)) return false;
    for (const wakeup of barrier.waiting) wakeup.call();
    return [...barrier.members][barrier.parties - 1] === member;
  }

  async wait(key: string, timeout: number): Promise<boolean | undefined> {
    const { clock } = this.#backend;
    const barrier = this.#find(key);
    if (barrier === undefined) return undefined;
    if (isComplete(barrier)) return true;
    const wakeup = new Wakeup(clock);
    barrier.waiting.add(wakeup);
    await wakeup.wait(timeout);
    barrier.waiting.delete(wakeup);
    if (isComplete(barrier)) return true;
    return clock.now() < barrier.expires ? false : undefined;
  }

  #find(key: string): MemoryBarrier | undefined {
    const { barriers, clock } = this.#backend;
    const barrier = barriers.get(key);
    return barrier !== undefined && clock.now() < barrier.expires ? barrier : undefined;
  }
}

function isComplete({ members, parties }: MemoryBarrier): boolean {
  return members.size >= parties;
}
