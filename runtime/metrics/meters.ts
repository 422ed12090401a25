/** What is counted and measured, as prom-client keeps it. Labels come from contracts, so that their number is bounded. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Actor } from "../actor.js";
import type { DeadReason } from "../vocabulary/errors.js";
import type { Stray } from "../worker/stray.js";

/** From a quick handler to one that is close to the default time limit, in seconds. */
const DURATIONS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600];
/** From a worker that waits to a queue that is an hour behind, in seconds. */
const WAITS = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600];

/** Why a message of any actor may be dead: the other reasons have to do with what only some actors are. */
const COMMON_REASONS = [
  "retries-exhausted",
  "do-not-retry",
  "invalid-input",
  "expired",
  "crash-loop",
] as const satisfies DeadReason[];
/** Why a message is dead that comes to no actor. */
const STRAY_REASONS = ["undecodable", "unknown-actor"] as const satisfies DeadReason[];

/** The counters of one actor. */
export interface ActorMeters {
  sent(): void;
  began(): void;
  /** @param seconds How long the attempt took; `undefined` where it was none. */
  ended(seconds: number | undefined): void;
  processed(): void;
  failed(): void;
  retried(): void;
  cancelled(): void;
  dead(reason: DeadReason): void;
  waited(seconds: number): void;
}

/** Stands for an actor that no contract here has, or that nobody can tell: actors have a dot in their names. */
const UNKNOWN = "unknown";

/** The metrics of all actors in one registry. */
export class Meters {
  readonly #sent: Counter<"actor" | "queue">;
  readonly #processed: Counter<"actor" | "queue">;
  readonly #failed: Counter<"actor" | "queue">;
  readonly #retried: Counter<"actor" | "queue">;
  readonly #cancelled: Counter<"actor" | "queue">;
  readonly #dead: Counter<"actor" | "queue" | "reason">;
  readonly #unknown: Counter<"queue">;
  readonly #inProgress: Gauge<"actor" | "queue">;
  readonly #duration: Histogram<"actor" | "queue">;
  readonly #wait: Histogram<"actor" | "queue">;
  readonly #ofActors = new WeakMap<Actor, ActorMeters>();

  constructor(registry: Registry, prefix: string) {
    const registers = [registry];
    const labelNames = ["actor", "queue"] as const;
    const counter = (name: string, help: string) =>
      new Counter({ name: `${prefix}messages_${name}_total`, help, labelNames, registers });
    this.#sent = counter("sent", "Messages that the broker has accepted.");
    this.#processed = counter("processed", "Messages whose handler ended without an error.");
    this.#failed = counter("failed", "Attempts that failed.");
    this.#retried = counter("retried", "Messages that were put back for another attempt.");
    this.#cancelled = counter("cancelled", "Messages that were cancelled before they were handled or while they were.");
    this.#dead = new Counter({
      name: `${prefix}messages_dead_total`,
      help: "Messages that went to the dead letters, by reason.",
      labelNames: [...labelNames, "reason"],
      registers,
    });
    this.#unknown = new Counter({
      name: `${prefix}messages_unknown_actor_total`,
      help: "Messages for an actor that the worker does not know, when they were first met.",
      labelNames: ["queue"],
      registers,
    });
    this.#inProgress = new Gauge({
      name: `${prefix}messages_in_progress`,
      help: "Messages that are being handled.",
      labelNames,
      registers,
    });
    this.#duration = new Histogram({
      name: `${prefix}message_duration_seconds`,
      help: "How long attempts took, failed ones included.",
      labelNames,
      registers,
      buckets: DURATIONS,
    });
    this.#wait = new Histogram({
      name: `${prefix}message_time_in_queue_seconds`,
      help: "From the moment when a message was sent, or due, to the start of its first attempt.",
      labelNames,
      registers,
      buckets: WAITS,
    });
  }

  /** The meters of an actor. Their labels are looked up once. */
  of(actor: Actor): ActorMeters {
    let meters = this.#ofActors.get(actor);
    if (meters === undefined) this.#ofActors.set(actor, (meters = this.#create(actor)));
    return meters;
  }

  /** Has the counters of a worker begin at 0: one that begins at its first step has taken none, for Prometheus. */
  expect(actors: readonly Actor[]): void {
    for (const { name: actor, options } of actors) {
      const { queue } = options;
      const labels = { actor, queue };
      for (const counter of [this.#processed, this.#failed, this.#retried, this.#cancelled]) counter.inc(labels, 0);
      for (const reason of COMMON_REASONS) this.#dead.inc({ ...labels, reason }, 0);
      for (const reason of STRAY_REASONS) this.#dead.inc({ actor: UNKNOWN, queue, reason }, 0);
      this.#unknown.inc({ queue }, 0);
    }
  }

  /** Counts a message that came to no actor. */
  stray({ queue, reason, isNew, isDead }: Stray): void {
    if (reason === "unknown-actor" && isNew) this.#unknown.inc({ queue });
    if (isDead) this.#dead.inc({ actor: UNKNOWN, queue, reason });
  }

  #create({ name: actor, options: { queue } }: Actor): ActorMeters {
    const sent = this.#sent.labels({ actor, queue });
    const processed = this.#processed.labels({ actor, queue });
    const failed = this.#failed.labels({ actor, queue });
    const retried = this.#retried.labels({ actor, queue });
    const cancelled = this.#cancelled.labels({ actor, queue });
    const inProgress = this.#inProgress.labels({ actor, queue });
    const duration = this.#duration.labels({ actor, queue });
    const wait = this.#wait.labels({ actor, queue });
    return {
      sent: () => sent.inc(),
      began: () => inProgress.inc(),
      ended(seconds) {
        inProgress.dec();
        if (seconds !== undefined) duration.observe(seconds);
      },
      processed: () => processed.inc(),
      failed: () => failed.inc(),
      retried: () => retried.inc(),
      cancelled: () => cancelled.inc(),
      dead: (reason) => this.#dead.inc({ actor, queue, reason }),
      waited: (seconds) => wait.observe(seconds),
    };
  }
}
