/** The faults that a test asked for and that have not happened yet. */
import { InvalidOptionError } from "../vocabulary/errors.js";

/** What goes wrong on demand: the next time, or the next `times` times. */
export interface Faults {
  /** The next message that a worker takes comes a second time, right after it was settled. */
  duplicate(times?: number): void;
  /**
   * The worker of the next message dies after its handler ended and before the broker knows: the message comes again
   * when its lease is over, 15 seconds by the kit's clock, with a crash counted.
   */
  crash(times?: number): void;
  /**
   * The connection is lost. What workers hold is lost to them at once, with a crash counted, and given out again; the
   * next send rejects with `BrokerUnavailableError`, and nothing was sent.
   */
  disconnect(times?: number): void;
}

/** Each kind of fault, and how often it is still to happen. */
export class PendingFaults implements Faults {
  readonly #onDisconnect: () => void;
  readonly #left = { duplicate: 0, crash: 0, disconnect: 0 };

  constructor(onDisconnect: () => void) {
    this.#onDisconnect = onDisconnect;
  }

  duplicate(times = 1): void {
    this.#add("duplicate", times);
  }

  crash(times = 1): void {
    this.#add("crash", times);
  }

  disconnect(times = 1): void {
    this.#add("disconnect", times);
    this.#onDisconnect();
  }

  /** Whether a fault happens now: then it happens once less. */
  strikes(kind: keyof Faults): boolean {
    if (this.#left[kind] === 0) return false;
    this.#left[kind]--;
    return true;
  }

  #add(kind: keyof Faults, times: number): void {
    if (!Number.isSafeInteger(times) || times < 1) {
      throw new InvalidOptionError(`How often to ${kind} must be a whole number, 1 or more; it is ${times}.`);
    }
    this.#left[kind] += times;
  }
}
