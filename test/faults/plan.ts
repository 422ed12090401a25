/** What the processes of a scenario are told: one JSON value as their only argument. */
import { rabbitmqBroker, type RabbitmqBrokerOptions } from "callboard/rabbitmq";
import { redisBroker, redisState, type RedisBrokerOptions } from "callboard/redis";
import type { Broker } from "../../runtime/seams/broker.js";
import type { SendOptions } from "callboard";
import type { Deed } from "./actors.js";

/** A broker as it can be named to another process. */
export type BrokerPlan =
  | { readonly kind: "redis"; readonly url: string; readonly options: RedisBrokerOptions }
  | {
      readonly kind: "rabbitmq";
      readonly url: string;
      readonly options: RabbitmqBrokerOptions;
      /** The state store, where there is one. */
      readonly state?: { readonly url: string; readonly prefix: string };
    };

/** What every process is told. */
interface ProcessPlan {
  /** Its name in the ledger. */
  readonly name: string;
  /** The file that it notes in. */
  readonly journal: string;
  readonly broker: BrokerPlan;
  /** How far its clock is ahead, in milliseconds. */
  readonly clockAhead: number;
}

/** The older one does not know the actor `novelty`; the last two know those that claim keys or have schedules. */
export type Version = "older" | "newer" | "scheduled" | "unscheduled";

/** How a worker process behaves. */
export interface WorkerPlan extends ProcessPlan {
  readonly concurrency: number;
  /** Which actors it knows; see `worker.ts`. */
  readonly version: Version;
}

/** Messages of one kind among those that a producer sends. */
export interface Share {
  /** How many of them come in each round of the mix. */
  readonly count: number;
  readonly actor: "job" | "note" | "novelty" | "limited" | "claimed";
  readonly deed?: Partial<Deed>;
  readonly options?: SendOptions;
}

/** How a producer process behaves. It sends until it has sent all, or until SIGTERM. */
export interface ProducerPlan extends ProcessPlan {
  /** How many messages it sends at most. */
  readonly messages: number;
  /** How many a second. */
  readonly rate: number;
  /** Which messages it sends, in turn. */
  readonly mix: readonly Share[];
}

/** How a worker for a flood behaves. */
export interface FloodPlan extends ProcessPlan {
  /** How many messages come, numbered from 0. */
  readonly messages: number;
  /** How often it tells of its memory on the way. */
  readonly reports: number;
}

/** Reads the plan of this process. */
export function readPlan<Plan extends ProcessPlan>(): Plan {
  return JSON.parse(process.argv[2] ?? "{}") as Plan;
}

/** Connects as a plan says. */
export function openBroker(plan: BrokerPlan): Broker {
  if (plan.kind === "redis") return redisBroker(plan.url, plan.options);
  const { url, options, state } = plan;
  if (state === undefined) return rabbitmqBroker(url, options);
  return rabbitmqBroker(url, { ...options, state: redisState(state.url, { prefix: state.prefix }) });
}

/** Moves the clock of this process; timers go on as before. */
export function moveClock(milliseconds: number): void {
  if (milliseconds === 0) return;
  const now = Date.now.bind(Date);
  globalThis.Date = class extends Date {
    constructor(...args: readonly [] | readonly [value: number | string]) {
      super(args[0] ?? now() + milliseconds);
    }
    static override now(): number {
      return now() + milliseconds;
    }
  } as DateConstructor;
}
