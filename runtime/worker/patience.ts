/** Sees a step through a broker's outage: tries again until it works or the message is no longer ours. */
import { sleep, type Clock } from "../clock.js";
import { BrokerRefusedError, BrokerUnavailableError } from "../errors.js";

const SHORTEST_WAIT = 50;
const LONGEST_WAIT = 2000;

/** Whether a step may work later as it is: the broker was away, or refused for the time being. */
export function isPassing(error: unknown): boolean {
  return error instanceof BrokerUnavailableError || error instanceof BrokerRefusedError;
}

/** Repeats a step while the broker cannot do it. Other errors, and any error once the work was aborted, pass through. */
export function whileUnavailable<T>(
  clock: Clock,
  work: { readonly abortReason: Error | undefined },
  step: () => Promise<T>,
): Promise<T> {
  // Most steps work at once: they cost no more than this one callback.
  return step().catch(async (first: unknown) => {
    let error = first;
    for (let wait = SHORTEST_WAIT; isPassing(error) && work.abortReason === undefined; wait = longer(wait)) {
      await sleep(clock, wait);
      try {
        return await step();
      } catch (next) {
        error = next;
      }
    }
    throw error;
  });
}

function longer(wait: number): number {
  return Math.min(wait * 2, LONGEST_WAIT);
}
