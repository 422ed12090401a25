/** Barriers in Redis. */
import type { BarrierStore } from "../../seams/barriers.js";
import { systemClock } from "../../support/clock.js";
import { Wakeup } from "../../support/wakeup.js";
import { Bells } from "./bells.js";
import { barrierKeys } from "./keys.js";
import { scripts } from "./scripts.js";
import type { StateContext } from "./state.js";

export class RedisBarriers implements BarrierStore {
  readonly #context: StateContext;
  readonly #bells: Bells;

  constructor(context: StateContext) {
    this.#context = context;
    this.#bells = new Bells(context.subscriber);
  }

  async create(key: string, parties: number, ttl: number): Promise<boolean> {
    const { barrier } = barrierKeys(this.#context.prefix, key);
    return (await this.#context.connection.run(scripts.barrier.create, [barrier], [parties, ttl])) === 1;
  }

  async arrive(key: string, member: string): Promise<boolean | undefined> {
    const { barrier, complete } = barrierKeys(this.#context.prefix, key);
    const completes = await this.#context.connection.run(scripts.barrier.arrive, [barrier], [member, complete]);
    return completes === null ? undefined : completes === 1;
  }

  async wait(key: string, timeout: number): Promise<boolean | undefined> {
    const { barrier, complete } = barrierKeys(this.#context.prefix, key);
    const deadline = systemClock.elapsed() + timeout;
    const wakeup = new Wakeup(systemClock);
    const end = await this.#bells.listen(complete, wakeup.call);
    try {
      for (;;) {
        const state = await this.#context.connection.run(scripts.barrier.look, [barrier], []);
        if (state === null) return undefined;
        const [isComplete, lasts] = state;
        if (isComplete === 1) return true;
        const left = deadline - systemClock.elapsed();
        if (left <= 0) return false;
        // One millisecond more, so that it is over then.
        await wakeup.wait(Math.min(left, lasts + 1));
      }
    } finally {
      end();
    }
  }
}
