/**
 * The seam to the state of flows: which steps there are, what came of each, and what follows. A flow is a graph of
 * nodes, numbered from 0: a step is one message to an actor, a join is the end of a group. It is written once, when the
 * flow is sent; no message carries more of it than its own place.
 */
import type { Publication } from "./broker.js";
import type { FlowPlace, Headers, MessageOverrides } from "../wire/envelope.js";
import type { StoredFailure } from "./results.js";

/** A step of a flow, whichever message it is of. */
export type StepPlace = Omit<FlowPlace, "copy">;

/** A node of a flow: a step, or the join of a group. */
export interface FlowNode {
  /** The join that waits for it. */
  readonly join?: number | undefined;
  /** The steps that are given what came of it. */
  readonly next?: readonly number[] | undefined;
  /** The steps that follow it and have an input already. */
  readonly after?: readonly number[] | undefined;
  /** Of a join: the nodes with which the group's members end, in their order. */
  readonly of?: readonly number[] | undefined;
  /** Of a join: members that failed count as ended. */
  readonly collects?: true | undefined;
  /** Of a step inside a group that collects: the node with which its member ends. It ends the member when it is dead. */
  readonly falls?: number | undefined;
  /** A step beside the flow: it may fail, and nothing follows it. */
  readonly aside?: true | undefined;
  /** What came of it is told to those who wait: it is the flow's result, or that of a group in a group. */
  readonly told?: true | undefined;
  /** The flow is through with it. */
  readonly last?: true | undefined;
  /** Milliseconds that its message is held back. */
  readonly delay?: number | undefined;
  /** What its message is made of, as JSON that only workers read; absent where the producer sends it. */
  readonly message?: string | undefined;
}

/** Whether a step may go on when its flow is through. */
export function isLoose({ aside, falls }: FlowNode): boolean {
  return aside === true || falls !== undefined;
}

/** A flow as it is kept. */
export interface FlowInit {
  readonly nodes: readonly FlowNode[];
  /** How long it is kept after the last thing that happened to it, in milliseconds. */
  readonly ttl: number;
  /**
   * How long it is kept when it is through and no step of it goes on or may be replayed, so that what comes twice is known
   * for it: milliseconds.
   */
  readonly afterwards: number;
  /** What workers need to know of the whole, as JSON that only they read. */
  readonly meta: string;
}

/** A step whose turn it is. */
export interface ReadyStep {
  readonly node: number;
  readonly copy: number;
  /** What its message is made of. */
  readonly message: string;
  /** The node of which it is given what came; absent where it has its input. */
  readonly source: number | undefined;
}

/** What follows the end of a step. */
export interface Following {
  readonly meta: string;
  /** The messages that are to be sent now. */
  readonly ready: readonly ReadyStep[];
  /** The nodes of which those who wait are to be told. */
  readonly told: readonly number[];
  /**
   * What came of nodes that `ready` and `told` name, as JSON: of a step what was recorded, of a join the list of what
   * came of its members, of one that collects `{"settled": list}`.
   */
  readonly values: ReadonlyMap<number, string>;
}

/** Whether a step may run. */
export type Begun =
  /** It may; it is the first time, or the time before was not finished. */
  | { readonly kind: "run" }
  /** It has ended: what follows and has not begun yet is handed out again. */
  | { readonly kind: "ended"; readonly following: Following }
  /** The step was cancelled, and its message may be there still. */
  | { readonly kind: "dropped" }
  /** Another message for the same step has begun. */
  | { readonly kind: "elsewhere" }
  /** The flow was cancelled. */
  | { readonly kind: "cancelled" }
  /** The flow is no longer known. */
  | { readonly kind: "expired" };

/** What the end of a step leads to. */
export type Ended =
  | {
      readonly kind: "ended";
      readonly following: Following;
      /** The step is dead, and the flow has failed with it first. */
      readonly failed: boolean;
      /** The step is dead, and with it a member of a group that collects: the node with which that member ends. */
      readonly fell: number | undefined;
    }
  /** It counts no more: the step had ended with a value, or was cancelled. */
  | { readonly kind: "late" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "expired" };

/** A flow that was cancelled. */
export interface CancelledFlow {
  readonly meta: string;
  /** The nodes that were handed out and have not ended. */
  readonly open: readonly number[];
}

/** Keeps flows. Everything that this seam promises is shown by `test/conformance`. No flow outlives its time. */
export interface FlowStore {
  /** Keeps a new flow. Its first messages are sent afterwards. */
  create(id: string, flow: FlowInit): Promise<void>;
  /** Asks whether a step may run. */
  begin(place: FlowPlace): Promise<Begun>;
  /** Records what came of a step, as JSON; the first time counts. */
  done(place: FlowPlace, value: string): Promise<Ended>;
  /** Records that a step is dead, with its error as JSON. A step that is replayed may still be done. */
  dead(place: FlowPlace, error: string): Promise<Ended>;
  /**
   * Records that a step was cancelled, with its error as JSON: as if it were dead, and for good. It may have its turn yet.
   * One that is dead already stays so, and nothing follows.
   */
  cancelStep(place: StepPlace, error: string): Promise<Ended>;
  /** Keeps the flow for its time beyond these milliseconds: a step waits for so long. */
  extend(id: string, milliseconds: number): Promise<void>;
  /**
   * Ends a flow: no further step begins. `undefined`, and nothing is done, where it is not known or has ended before:
   * no step is open but dead ones, which may be replayed, and those beside it.
   */
  cancel(id: string): Promise<CancelledFlow | undefined>;
}

/** What the message of a step is made of that is given what came of the node before. */
export interface TakingStep extends Aging {
  readonly actor: string;
  /** The contract's fingerprint. */
  readonly v: string;
  readonly queue: string;
  /** How many partitions the queue has, where there are several: one of them is chosen by the input. */
  readonly partitions?: number | undefined;
  readonly priority: number;
  readonly delay?: number | undefined;
  readonly headers?: Headers | undefined;
  readonly options?: MessageOverrides | undefined;
  /** Its input travels tagged. */
  readonly tagged?: true | undefined;
  /** Its input travels sealed. */
  readonly sealed?: true | undefined;
}

/** A step's message that has its input: as it was made ready by the producer. */
export type ReadyMessage = Pick<Publication, "queue" | "priority" | "delay" | "body"> & Aging;

/** Of a step's message: how old it may grow. */
export interface Aging {
  /** Milliseconds, from when its turn comes. */
  readonly maxAge?: number | undefined;
}

/** What a step's message is made of, as the store keeps it. */
export type StepMessage = TakingStep | ReadyMessage;

/** What came of a step, as the store keeps it: an output as it travels, or an error. */
export type StepValue =
  | { readonly node: number; readonly encoding?: string | undefined; readonly output?: unknown }
  | ({ readonly node: number; readonly actor: string } & Pick<StoredFailure, "reason" | "error" | "attempts">);

/** What workers know of a whole flow. */
export interface FlowMeta {
  /** The node with which it is through. */
  readonly last: number;
  /** Where the producer listens. */
  readonly reply?: string | undefined;
  /** How long its result is kept, in milliseconds. */
  readonly resultTtl: number;
  /** Its result travels sealed. */
  readonly sealed?: true | undefined;
}

/** The id of a step's message: always the same. */
export function stepId(flow: string, node: number): string {
  return `${flow}.${node}`;
}

/** The step that a message's id may be that of. Somebody may have given a message of no flow such an id. */
export function stepOfId(messageId: string): StepPlace | undefined {
  const [, id, node] = /^(.+)\.(\d{1,6})$/.exec(messageId) ?? [];
  return id === undefined ? undefined : { id, node: Number(node) };
}

/** In whose name a flow's own values are sealed and its errors are told. */
export const FLOW = "flow";
