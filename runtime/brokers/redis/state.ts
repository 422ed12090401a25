/** What processes share, in Redis. */
import type { FlowStore } from "../../seams/flows.js";
import type { StateStore } from "../../seams/state.js";
import type { RedisConnection } from "./connection.js";
import { RedisBarriers } from "./barriers.js";
import { RedisLimits } from "./limits.js";
import { RedisPauses } from "./pauses.js";
import { RedisFlows } from "./flows.js";
import { RedisControls } from "./controls.js";
import { RedisClaimStore } from "./claim-store.js";
import { RedisSchedules } from "./schedules.js";
import type { RedisSubscriber } from "./subscriber.js";
import { RedisWorkers, type Carry } from "./workers.js";

/** What each part of the store works with. */
export interface StateContext {
  readonly prefix: string;
  /** Waits for a server that is away. */
  readonly connection: RedisConnection;
  readonly subscriber: RedisSubscriber;
  /** Messages travel elsewhere: what is known of them here is only what is told. */
  readonly apart: boolean;
  /** Where heartbeats may travel with something else. */
  readonly carry?: Carry;
}

export class RedisState implements StateStore {
  readonly name: string;
  readonly flows: FlowStore;
  readonly context: StateContext;
  readonly workers: RedisWorkers;
  readonly pauses: RedisPauses;
  readonly controls: RedisControls;
  readonly limits: RedisLimits;
  readonly barriers: RedisBarriers;
  readonly schedules: RedisSchedules;
  readonly claims: RedisClaimStore;

  constructor(context: StateContext) {
    this.name = context.connection.name;
    this.flows = new RedisFlows(context);
    this.context = context;
    this.workers = new RedisWorkers(context.prefix, context.connection, context.carry);
    this.claims = new RedisClaimStore(context.prefix, context.connection);
    this.schedules = new RedisSchedules(context);
    this.pauses = new RedisPauses(context.prefix, context.connection);
    this.controls = new RedisControls(context);
    this.limits = new RedisLimits(context);
    this.barriers = new RedisBarriers(context);
  }
}
