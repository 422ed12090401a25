/** What surrounds the call of a handler, such as the span that is active, so that it goes along into the handler's thread. */
import type { Headers } from "../../wire/envelope.js";

/** One kind of surroundings, in the worker and in its threads. */
export interface Surroundings {
  /** Writes down those of this moment. */
  write(): Headers;
  /** Takes a step in those that were written down. */
  within<T>(written: Headers, step: () => T): T;
}

const kinds = new Set<Surroundings>();

/** From now on they go along, where the thread knows the kind as well. */
export function takeAlong(kind: Surroundings): void {
  kinds.add(kind);
}

/** Writes down all that goes along. */
export function writeSurroundings(): Headers {
  return Object.fromEntries([...kinds].flatMap((kind) => Object.entries(kind.write())));
}

/** Takes a step in all that came along. */
export function withinSurroundings<T>(written: Headers, step: () => T): T {
  return [...kinds].reduce<() => T>((inner, kind) => () => kind.within(written, inner), step)();
}
