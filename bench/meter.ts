/** Clocks and counters. What they count is what they time: the clock starts with the first thing that is counted. */
import type { Sample } from "./row.js";

/** How much is counted, and for how long. */
export interface Extent {
  /** So many come before the first that counts. */
  readonly warmUp: number;
  readonly most: number;
  readonly seconds: number;
}

/** Counts what is handled: how many a second, and what each cost this process. */
export class Meter {
  /** `rate` in things per second, `cpu` in microseconds of processor time for each. */
  readonly done: Promise<{ readonly rate: number; readonly cpu: number }>;
  readonly #extent: Extent;
  #seen = 0;
  #start: { readonly time: number; readonly cpu: NodeJS.CpuUsage } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #resolve!: (figures: { rate: number; cpu: number }) => void;

  constructor(extent: Extent) {
    this.#extent = extent;
    this.done = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** One more. */
  readonly one = (): void => {
    const seen = ++this.#seen;
    if (seen === this.#extent.warmUp) this.#begin();
    else if (seen === this.#extent.warmUp + this.#extent.most) this.#end();
  };

  #begin(): void {
    this.#start = { time: performance.now(), cpu: process.cpuUsage() };
    this.#timer = setTimeout(() => this.#end(), this.#extent.seconds * 1000);
  }

  #end(): void {
    if (this.#start === undefined) return;
    clearTimeout(this.#timer);
    const counted = this.#seen - this.#extent.warmUp;
    const { user, system } = process.cpuUsage(this.#start.cpu);
    const elapsed = performance.now() - this.#start.time;
    this.#start = undefined;
    this.#resolve({ rate: (counted / elapsed) * 1000, cpu: (user + system) / counted });
  }
}

/** Does one thing again and again for a while, `width` at a time. */
export async function repeat(
  { width, seconds, each = 1 }: { readonly width: number; readonly seconds: number; readonly each?: number },
  one: () => Promise<unknown>,
): Promise<{ readonly rate: number; readonly cpu: number }> {
  await one();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const end = start + seconds * 1000;
  let count = 0;
  const line = async () => {
    while (performance.now() < end) {
      await one();
      count += each;
    }
  };
  await Promise.all(Array.from({ length: width }, line));
  const elapsed = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { rate: (count / elapsed) * 1000, cpu: (user + system) / count };
}

/** How long one thing takes, done `count` times, each after the other. */
export async function times(count: number, one: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await one();
    taken.push(performance.now() - started);
  }
  return taken;
}

/** The value that a share of all values do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(place)] ?? NaN, sorted[Math.ceil(place)] ?? NaN];
  return below + (above - below) * (place - Math.floor(place));
}

/** The middle, and the ends that most people never see and some always do. */
export function latencies(values: readonly number[]): Sample {
  return { p50: quantile(values, 0.5), p95: quantile(values, 0.95), p99: quantile(values, 0.99) };
}
