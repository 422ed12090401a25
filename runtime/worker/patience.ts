/** Sees a step through a broker's outage: tries again until it works or the message is no longer ours. */
import { sleep, type Clock } from "../support/clock.js";
import { BrokerRefusedError, BrokerUnavailableError, LeaseLostError, ShutdownError } from "../vocabulary/errors.js";

const SHORTEST_WAIT = 50;
const LONGEST_WAIT = 2000;

/** Whose step it is: a message in a worker's hands. */
export interface Holder {
  /** Why its attempt is to end; a message that is lost or given back needs no outcome. */
  readonly abortReason: Error | undefined;
}

/** Repeats a step while the broker cannot do it, and tells so once. Every other error passes through. */
export function whileUnavailable<T>(
  clock: Clock,
  holder: Holder,
  step: () => Promise<T>,
  tell: (error: Error) => void,
): Promise<T> {
  // Most steps work at once: they cost no more than this one callback.
  return step().catch((error: unknown) => again(clock, holder, error, step, tell));
}

/** The same for a step that has failed already. */
export async function again<T>(
  clock: Clock,
  holder: Holder,
  failure: unknown,
  step: () => Promise<T>,
  tell: (error: Error) => void,
): Promise<T> {
  let error = failure;
  if (isPassing(error) && !isOver(holder)) tell(error);
  for (let wait = SHORTEST_WAIT; isPassing(error) && !isOver(holder); wait = Math.min(wait * 2, LONGEST_WAIT)) {
    await sleep(clock, wait);
    try {
      return await step();
    } catch (next) {
      error = next;
    }
  }
  throw error;
}

/** Whether a step may work later as it is: the broker was away, or refused for the time being. */
function isPassing(error: unknown): error is Error {
  return error instanceof BrokerUnavailableError || (error instanceof BrokerRefusedError && error.passing);
}

/** Whether a message is no longer ours: lost, or to be given back. */
export function isOver({ abortReason }: Holder): boolean {
  return abortReason instanceof LeaseLostError || abortReason instanceof ShutdownError;
}
