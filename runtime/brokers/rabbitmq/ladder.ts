/**
 * The ladder of delays: step `n` holds every message for `UNIT * 2^n` milliseconds and passes it down. A delay is the
 * sum of some of the steps, as a number is a sum of powers of two, and the message's routing key says which. All
 * messages of a step wait equally long, so that none stands behind another that is due later.
 */
import { dueExchange, LADDER_STEPS, ladderStep } from "./names.js";

/** The shortest step, in milliseconds; a delay is a multiple of it. */
const UNIT = 16;
/** How much later than asked a message may be due by rounding: a thousandth of its delay, and no more than a second. */
const COARSEST = 64;
const PRECISION = 1024;
/** The longest delay: all steps together, some nine years. */
const MOST_UNITS = 2 ** LADDER_STEPS - 1;

/** Where a delayed message enters the ladder. */
export interface Rung {
  /** The highest step that it takes. */
  readonly step: number;
  readonly exchange: string;
  readonly routingKey: string;
}

/** How the ladder is built for one prefix. */
export class Ladder {
  readonly #prefix: string;
  readonly #scale: number;

  /** `scale` makes all steps shorter or longer; only tests have a use for it. */
  constructor(prefix: string, scale = 1) {
    this.#prefix = prefix;
    this.#scale = scale;
  }

  /** The way to a queue that takes this many milliseconds, or a little more. */
  rung(queue: string, delay: number): Rung {
    const units = inUnits(delay);
    const step = Math.floor(Math.log2(units));
    return {
      step,
      exchange: ladderStep(this.#prefix, step),
      routingKey: `${bits(units)}.${asWord(queue)}`,
    };
  }

  /** How long one step holds a message, in milliseconds. The one more covers the server's own rounding. */
  ttl(step: number): number {
    return Math.ceil(UNIT * 2 ** step * this.#scale) + 1;
  }

  /** The exchange beneath a step. */
  beneath(step: number): string {
    return step === 0 ? dueExchange(this.#prefix) : ladderStep(this.#prefix, step - 1);
  }

  /** What the routing keys have in common of messages that take a step, or that pass it by. */
  pattern(step: number, takes: boolean): string {
    return `${"*.".repeat(LADDER_STEPS - 1 - step)}${takes ? "1" : "0"}.#`;
  }

  /** What the routing keys have in common of messages to one queue. */
  target(queue: string): string {
    return `#.${asWord(queue)}`;
  }
}

function inUnits(delay: number): number {
  const exact = Math.ceil(delay / UNIT);
  const coarse = Math.min(COARSEST, 2 ** Math.floor(Math.log2(Math.max(1, exact / PRECISION))));
  return Math.min(MOST_UNITS, Math.max(1, Math.ceil(exact / coarse) * coarse));
}

/** One word for each step, the highest first. */
function bits(units: number): string {
  return units.toString(2).padStart(LADDER_STEPS, "0").split("").join(".");
}

/** A queue's name as one word of a routing key: there, dots separate words. */
function asWord(queue: string): string {
  return queue.replaceAll(".", "/");
}
