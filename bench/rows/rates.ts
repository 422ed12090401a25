/** The two rates that most rows are made of: how fast messages are sent, and how fast they are worked on. */
import { payload as order, type Payload } from "../order.js";
import { Meter, repeat } from "../meter.js";
import type { Lane, Sample } from "../row.js";
import type { Session } from "../system.js";

/** How many are sent at once where many wait. */
const BATCH = 1000;

/** Sends one by one, so many in flight. */
export async function sendRate(session: Session, { effort }: Lane, width: number, payload: Payload = order) {
  return repeat({ width, seconds: effort.seconds }, () => session.send(payload));
}

/** Sends a thousand at a time. */
export async function sendManyRate(session: Session, { effort }: Lane) {
  const payloads = Array.from({ length: BATCH }, () => order);
  return repeat({ width: 1, seconds: effort.seconds, each: BATCH }, () => session.sendMany(payloads));
}

/** Puts messages into the queues. */
export async function fill(
  session: Session,
  count: number,
  { payload = order, delay }: { readonly payload?: Payload; readonly delay?: number } = {},
): Promise<void> {
  const each = Math.max(1, Math.min(BATCH, Math.round(1_000_000 / payload.text.length)));
  const options = delay === undefined ? {} : { delay };
  for (let sent = 0; sent < count; sent += each) {
    await session.sendMany(
      Array.from({ length: Math.min(each, count - sent) }, () => payload),
      options,
    );
  }
}

/** How work is measured. */
export interface ProcessOptions {
  readonly concurrency: number;
  /** How many are handled at most. */
  readonly most: number;
  readonly payload?: Payload;
  /** The messages are there already. */
  readonly filled?: boolean;
  /** Default: the run's. */
  readonly seconds?: number;
}

/** Works on what waits: a tenth to warm up, then the clock runs until all are handled or the time is over. */
export async function processRate(session: Session, { effort }: Lane, options: ProcessOptions) {
  const { concurrency, most, payload = order, filled = false, seconds = effort.seconds } = options;
  const warmUp = Math.ceil(most / 10);
  if (!filled) await fill(session, warmUp + most, { payload });
  const meter = new Meter({ warmUp, most, seconds });
  const working = await session.work({ concurrency, handle: meter.one });
  const figures = await meter.done;
  await working.stop();
  return figures;
}

/** About as many as are worked on while a rate is measured. */
export const enough = (pace: number, { effort }: Lane): number => Math.ceil(pace * effort.seconds);

/** Sending, 200 in flight, and then work on as many, with a concurrency of 100. */
export async function sendAndProcess(
  session: Session,
  lane: Lane,
  { most, payload = order }: { readonly most: number; readonly payload?: Payload },
): Promise<Sample> {
  const sent = await sendRate(session, lane, 200, payload);
  const processed = await processRate(session, lane, { concurrency: 100, most, payload });
  return { send: sent.rate, process: processed.rate };
}

/** Runs something while a worker answers. */
export async function answered(session: Session, run: () => Promise<Sample>): Promise<Sample> {
  const working = await session.work({ concurrency: 100, handle: () => undefined });
  try {
    await session.call(order);
    return await run();
  } finally {
    await working.stop();
  }
}
