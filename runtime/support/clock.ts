/** Time, so that tests can move it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since some moment in the past; it never jumps, whatever is done to the machine's clock. */
  elapsed(): number;
  /** Calls back once after a wait; returns how to cancel it. A pending call keeps the process alive, unless it is in the background. */
  after(milliseconds: number, callback: () => void, options?: { readonly background?: boolean }): () => void;
}

/** The longest wait that Node's timers take (2^31 - 1 ms, about 24.8 days); a longer one is waited in pieces. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(milliseconds, callback, options) {
    if (milliseconds > LONGEST_TIMER) {
      const goOn = () => {
        cancel = systemClock.after(milliseconds - LONGEST_TIMER, callback, options);
      };
      let cancel = systemClock.after(LONGEST_TIMER, goOn, options);
      return () => cancel();
    }
    const timer = setTimeout(callback, milliseconds);
    if (options?.background === true) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after a wait. */
export function sleep(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => clock.after(milliseconds, resolve));
}

/** Waits for a promise to settle, but no longer than this; tells whether it did. */
export function settlesWithin(clock: Clock, milliseconds: number, promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = clock.after(milliseconds, () => resolve(false));
    const settled = () => {
      cancel();
      resolve(true);
    };
    promise.then(settled, settled);
  });
}
