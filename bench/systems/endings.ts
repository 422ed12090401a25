/** Who waits in this process until something is handled, by its id: the end of a piece of work, seen by its last handler. */
export class Endings {
  readonly #waiting = new Map<string, () => void>();

  /** Resolves when that is handled. Ask before it is sent. */
  of(id: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** It is handled. */
  readonly end = (id: string): void => {
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
  };
}

/** How late something is that is due with each full second, in milliseconds. */
export const lateness = (): number => Date.now() % 1000;

/** Resolves to how late each of so many was, once all of them have come. */
export class Ticks {
  readonly #count: number;
  #late: number[] = [];
  #resolve: ((late: readonly number[]) => void) | undefined;

  constructor(count: number) {
    this.#count = count;
  }

  /** One has come. */
  readonly come = (): void => {
    this.#late.push(lateness());
    if (this.#late.length < this.#count) return;
    this.#resolve?.(this.#late);
    this.#late = [];
  };

  /** The next time that all of them have come. */
  next(): Promise<readonly number[]> {
    return new Promise((resolve) => (this.#resolve = resolve));
  }
}

/** How many schedules are due with each second. */
export const SCHEDULES = 20;
/** How often a handler tells of its progress. */
export const REPORTS = 1000;
