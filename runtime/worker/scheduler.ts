/** Sees to the schedules of one queue: of all workers that take from it one leads, and fires each tick. */
import { randomUUID } from "node:crypto";
import type { Actor } from "../actor.js";
import type { Broker } from "../seams/broker.js";
import { claimsOf, type Claims } from "../seams/claims.js";
import type { Clock } from "../support/clock.js";
import { defaults } from "../vocabulary/defaults.js";
import { BrokerClosedError, UnknownActorError } from "../vocabulary/errors.js";
import { actorOf, readSchedule } from "../wire/made-schedule.js";
import type { Lead, ScheduleStore, SharedSchedules } from "../seams/schedules.js";
import type { Seal } from "../wire/seal.js";
import type { Logger } from "./logger.js";
import { TickSender } from "./tick-sender.js";
import { createEntry, Timetable, type Entry } from "./timetable.js";

/** What a scheduler works with. */
export interface SchedulerContext {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly seal: Seal | undefined;
}

/** How long to wait after the broker could not be asked, in milliseconds. */
const REST = 1000;
/** How long a worker waits at most beyond the end of another one's lead, so that not all ask at once. */
const STAGGER = 500;
/** Within so many leases, a handover is no gap: what was due in the meantime is late, not missed. */
const HANDOVER = 2;
/** No version of made schedules is known. */
const NONE = -1;

type Leading = Extract<Lead, { readonly leads: true }>;

export class Scheduler {
  readonly #queue: string;
  readonly #actors: readonly Actor[];
  readonly #context: SchedulerContext;
  readonly #store: ScheduleStore;
  readonly #timetable: Timetable;
  readonly #sender: TickSender;
  readonly #worker = randomUUID();

  #leading = false;
  #version = NONE;
  #forgotten: readonly string[] = [];
  /** How far the store's clock is ahead of our `elapsed()`. */
  #ahead = 0;
  #startedAt: number | undefined;
  /** When it has to ask for the lead again, by our `elapsed()`. */
  #renewAt = 0;
  #troubled = false;
  #stopped = false;
  #woken = false;
  #cancel: (() => void) | undefined;
  #turning: Promise<void> | undefined;
  #endWatch: (() => void) | undefined;
  /** Schedules that cannot be followed here, by their text. */
  readonly #refused = new Set<string>();

  /**
   * `undefined` where the broker has no store for schedules and no actor needs one. Throws `InvalidOptionError` where one
   * does, and for a schedule that cannot be followed.
   */
  static create(queue: string, actors: readonly Actor[], context: SchedulerContext): Scheduler | undefined {
    const { broker } = context;
    const needy = actors.find(({ schedules }) => schedules.length > 0);
    const claims = needy === undefined ? broker.claims : claimsOf(broker, `${needy.name}: "schedule"`);
    const store = broker.state?.schedules;
    if (claims === undefined || store === undefined) return undefined;
    return new Scheduler(queue, actors, context, store, claims);
  }

  private constructor(
    queue: string,
    actors: readonly Actor[],
    context: SchedulerContext,
    store: ScheduleStore,
    claims: Claims,
  ) {
    this.#queue = queue;
    this.#actors = actors;
    this.#context = context;
    this.#store = store;
    const { broker, clock, logger, seal } = context;
    const entries = actors.flatMap((actor) => actor.schedules.map((schedule) => createEntry(actor, schedule)));
    this.#timetable = new Timetable(entries);
    this.#sender = new TickSender({ claims, clock, logger, seal, brokersTime: () => broker.now() });
  }

  /** Begins; a broker that is down is waited for. */
  start(): void {
    this.#endWatch = this.#store.watch(this.#queue, () => this.#wake());
    this.#wake();
  }

  /** Ends after the tick that is being fired, and gives the lead up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endWatch?.();
    this.#cancel?.();
    await this.#turning;
    if (this.#leading) await this.#resign().catch(() => undefined);
  }

  /** Schedules were made or ended: it asks at once. */
  #wake(): void {
    this.#woken = true;
    this.#plan(0);
  }

  #plan(wait: number): void {
    this.#cancel?.();
    // A turn that is under way plans the next one itself.
    if (this.#stopped || this.#turning !== undefined) return;
    this.#cancel = this.#context.clock.after(wait, () => void this.#run(), { background: true });
  }

  async #run(): Promise<void> {
    if (this.#woken) this.#renewAt = 0;
    this.#woken = false;
    this.#turning = this.#turn().then((wait) => {
      this.#turning = undefined;
      if (this.#woken) this.#plan(0);
      else if (wait !== undefined) this.#plan(wait);
    });
    await this.#turning;
  }

  /** Does what is to be done now; resolves to how long nothing is, or to nothing where that is until it is woken. */
  async #turn(): Promise<number | undefined> {
    try {
      const wait = await this.#see();
      this.#troubled = false;
      return wait;
    } catch (error) {
      if (error instanceof BrokerClosedError || this.#stopped) return undefined;
      if (!this.#troubled)
        this.#context.logger.warn({ err: error, queue: this.#queue }, "schedules wait; trying again");
      this.#troubled = true;
      return REST;
    }
  }

  async #see(): Promise<number | undefined> {
    const { clock, random } = this.#context;
    if (!this.#leading && this.#timetable.isEmpty && !(await this.#hasMade())) return undefined;
    if (!this.#leading || clock.elapsed() >= this.#renewAt) {
      const lead = await this.#ask(defaults.schedules.lease);
      if (!lead.leads) {
        this.#leading = false;
        return lead.left + Math.ceil(random() * STAGGER);
      }
      if (this.#timetable.isEmpty) return this.#resign();
      // Before the first tick, the store knows since when there is one to come.
      if (this.#timetable.hasNews) await this.#ask(defaults.schedules.lease);
    }
    await this.#timetable.advance(
      () => this.#now(),
      (entry, tick) => this.#sender.send(entry, tick),
    );
    const next = (this.#timetable.next ?? Infinity) - this.#now();
    return Math.max(0, Math.min(next, this.#renewAt - clock.elapsed()));
  }

  /** Asks for the lead, and tells how far the schedules have come. */
  async #ask(lease: number): Promise<Lead> {
    const { broker, clock } = this.#context;
    this.#startedAt ??= await broker.now();
    const news = this.#timetable.news();
    const asked = clock.elapsed();
    const lead = await this.#store.lead(this.#queue, {
      worker: this.#worker,
      startedAt: this.#startedAt,
      print: this.#timetable.print,
      lease,
      version: this.#version,
      ticks: news,
      forgotten: this.#forgotten,
    });
    if (!lead.leads) return lead;
    this.#timetable.told(news);
    this.#forgotten = [];
    this.#ahead = lead.now - clock.elapsed();
    this.#renewAt = asked + lease / 2;
    if (lead.shared !== undefined) this.#learn(lead, lead.shared);
    this.#leading = true;
    return lead;
  }

  #learn({ now, begins, version }: Leading, { gap, made, ticks }: SharedSchedules): void {
    const entries = [...made].flatMap(([id, text]) => this.#entryOf(id, text) ?? []);
    this.#version = version;
    if (begins) {
      const isGap = gap === undefined || gap > HANDOVER * defaults.schedules.lease;
      this.#timetable.begin(entries, ticks, now, isGap);
      this.#context.logger.info({ queue: this.#queue }, "leads the schedules");
    } else this.#timetable.change(entries, ticks, now);
    const known = new Set(this.#timetable.entries.map(({ track }) => track));
    // What only another version of the code can read is not forgotten.
    const isKept = (track: string) => known.has(track) || [...made.keys()].some((id) => track.startsWith(`${id} `));
    this.#forgotten = [...ticks.keys()].filter((track) => !isKept(track));
  }

  /** A schedule that was made at run time; `undefined` where it cannot be followed here, which is told once. */
  #entryOf(id: string, text: string): Entry | undefined {
    const name = actorOf(text);
    const actor = this.#actors.find((each) => each.name === name);
    try {
      if (actor !== undefined) return createEntry(actor, readSchedule(actor, text, this.#context.seal));
      throw new UnknownActorError(name ?? "?", this.#queue);
    } catch (error) {
      if (!this.#refused.has(text)) {
        this.#context.logger.warn({ err: error, schedule: id }, "a schedule cannot be followed by this worker");
      }
      this.#refused.add(text);
      return undefined;
    }
  }

  async #hasMade(): Promise<boolean> {
    return (await this.#store.read(this.#queue)).made.size > 0;
  }

  async #resign(): Promise<undefined> {
    this.#leading = false;
    this.#version = NONE;
    await this.#ask(0);
    this.#leading = false;
  }

  /** Milliseconds since 1970 by the store's clock. */
  #now(): number {
    return this.#context.clock.elapsed() + this.#ahead;
  }
}
