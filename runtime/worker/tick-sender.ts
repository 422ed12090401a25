/** Sends the message of a tick, once, whoever else tries to. */
import type { Actor } from "../actor.js";
import type { Claim, Claims } from "../seams/claims.js";
import { settlesWithin, type Clock } from "../support/clock.js";
import { defaults } from "../vocabulary/defaults.js";
import { InvalidInputError } from "../vocabulary/errors.js";
import type { MaybePromise } from "../support/maybe.js";
import { createPartitioner, type Partitioner } from "../sending/partitioner.js";
import { PLAIN, prepare, type Prepared } from "../sending/posting.js";
import { inputOf } from "../vocabulary/schedule-options.js";
import { PROGRESS_TTL } from "../seams/schedules.js";
import type { Seal } from "../wire/seal.js";
import type { Logger } from "./logger.js";
import type { Entry } from "./timetable.js";

/** What it works with. */
export interface TickContext {
  readonly claims: Claims;
  /** Milliseconds since 1970 by the broker's clock. */
  readonly brokersTime: () => MaybePromise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly seal: Seal | undefined;
}

export class TickSender {
  readonly #context: TickContext;
  readonly #partitioners = new Map<Actor, Partitioner>();

  constructor(context: TickContext) {
    this.#context = context;
  }

  /** Rejects only where the broker could not be asked. */
  async send(entry: Entry, tick: number): Promise<void> {
    const { claims, logger } = this.#context;
    const { id } = entry.schedule;
    const at = new Date(tick);
    let message: Prepared;
    try {
      message = await this.#prepare(entry, at);
    } catch (error) {
      logger.error({ err: error, schedule: id, tick: at }, "a tick was left out: it has no message");
      return;
    }
    const { sent } = await claims.publish(message, message.claims ?? []);
    logger.debug({ schedule: id, tick: at, id: message.id }, sent ? "a tick was fired" : "a tick was not needed");
  }

  async #prepare(entry: Entry, at: Date): Promise<Prepared> {
    const { actor, schedule, calendar } = entry;
    const { claims, clock, seal, brokersTime } = this.#context;
    const marks = claims.marks === true;
    const { id, overlap } = schedule;
    const tick = at.getTime();
    // Until the next tick is dealt with, nobody fires this one again.
    const ttl = PROGRESS_TTL + (calendar.after(tick) ?? tick) - tick;
    const once: Claim = { key: `schedule:${id}`, ttl, from: { below: tick } };
    const alone: Claim = { key: `overlap:${id}`, ttl: defaults.schedules.overlapTtl, from: "nobody" };
    const beside = overlap
      ? { claims: [once], frees: [], key: once.key }
      : { claims: [once, alone], frees: [alone.key], key: once.key };
    const { priority } = actor.options;
    const partition = this.#partitionerOf(actor);
    const posting = { ...PLAIN, actor, partition, seal, clock, brokersTime, marks, priority, idTtl: 0, beside };
    const input = await this.#inputOf(entry, at);
    return prepare(posting, input, undefined, `${id}@${at.toISOString()}`);
  }

  /** The input of a tick, where it is there in time: one that never comes would end all schedules of the queue. */
  async #inputOf({ actor, schedule }: Entry, at: Date): Promise<unknown> {
    const input = inputOf(schedule, { at, schedule: schedule.id });
    const { inputTimeout } = defaults.schedules;
    if (!(input instanceof Promise) || (await settlesWithin(this.#context.clock, inputTimeout, input))) return input;
    const message = `the "input" of its schedule took longer than ${inputTimeout} ms`;
    throw new InvalidInputError(actor.name, [{ path: "", message }]);
  }

  #partitionerOf(actor: Actor): Partitioner {
    const known = this.#partitioners.get(actor);
    if (known !== undefined) return known;
    const partitioner = createPartitioner(actor);
    this.#partitioners.set(actor, partitioner);
    return partitioner;
  }
}
