/** The work that Callboard does in the same way on every broker. */
import { randomUUID } from "node:crypto";
import { createActorClient } from "callboard/client";
import { createWorker, type Logger, type Worker } from "callboard/worker";
import type { Broker } from "../runtime/broker.js";
import { inFlight, median, rate } from "./measure.js";
import { check, order, ship } from "./order.js";

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** What raw contenders send: what the envelope would be. */
export const body = JSON.stringify({
  id: randomUUID(),
  actor: "shop.ship",
  v: "00000000",
  at: Date.now(),
  input: order,
});

/** Messages handled per second, from the first to the last: connecting and subscribing are not what is measured. */
export async function processRate(broker: Broker, count: number): Promise<number> {
  const client = createActorClient<typeof ship>(broker, ship);
  const orders = Array.from({ length: 1000 }, () => order);
  for (let sent = 0; sent < count; sent += 1000) await client.sendMany(orders);
  const handled = new Count(count);
  const handlers = { shop: { ship: () => handled.one() } };
  const worker = createWorker(broker, { shop: { ship } }, handlers, { logger: silent });
  await worker.start();
  const perSecond = await handled.perSecond;
  await worker.stop();
  return perSecond;
}

/** Counts what is handled, and times it from the first to the last. */
export class Count {
  /** How many a second; resolves at the last one. */
  readonly perSecond: Promise<number>;
  #resolve!: (perSecond: number) => void;
  #handled = 0;
  #first = 0;

  constructor(readonly expected: number) {
    this.perSecond = new Promise((resolve) => (this.#resolve = resolve));
  }

  one(): void {
    if (this.#handled++ === 0) this.#first = performance.now();
    if (this.#handled === this.expected) this.#resolve((this.expected / (performance.now() - this.#first)) * 1000);
  }
}

/** Runs beside a worker that answers at once. */
export async function withWorker(broker: Broker, run: () => Promise<number>): Promise<number> {
  const worker: Worker = createWorker(broker, { shop: { check } }, { shop: { check: () => true } }, { logger: silent });
  await worker.start();
  try {
    return await run();
  } finally {
    await worker.stop();
  }
}

/** Calls answered per second, 50 in flight. */
export async function callRate(broker: Broker, count: number): Promise<number> {
  const client = createActorClient<typeof check>(broker, check);
  await client.call(order);
  return rate(count, () => inFlight(count, 50, () => client.call(order)));
}

/** The median time of a call, one by one, in milliseconds. */
export async function callTime(broker: Broker): Promise<number> {
  const client = createActorClient<typeof check>(broker, check);
  await client.call(order);
  return medianTime(() => client.call(order));
}

/** The median time of 2,000 runs, one by one, in milliseconds. */
export async function medianTime(one: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 2000; i++) {
    const started = performance.now();
    await one();
    times.push(performance.now() - started);
  }
  return median(times);
}
