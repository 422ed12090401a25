/** The event loop's turns and the machine's time, as they are, whatever a test runner puts in their places later. */
const { setImmediate, setTimeout, clearTimeout, performance } = globalThis;

/** How many turns what is ready to run may take, one step leading to the next. */
const TURNS = 10;

/** Lets everything run that is ready to. */
export async function turn(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Milliseconds since some moment in the past, of the time that passes outside of a test. */
export const realElapsed = (): number => performance.now();

/** Calls back after real time; returns how to cancel it. */
export function afterRealTime(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
}
