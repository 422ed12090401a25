/** What pipelines and groups are made of, and how the types of their parts fit together. */
import type { DeadReason } from "../../vocabulary/errors.js";
import type { Sender } from "../message.js";
import type { SendThrough } from "../middleware.js";
import type { Posting } from "../../sending/posting.js";
import type { Misfit, WhyNot } from "./misfit.js";

/** Where a part keeps what it is. */
export const part: unique symbol = Symbol("callboard.part");
/** Marks the parts that are messages: they have their input. */
export const hasInput: unique symbol = Symbol("callboard.hasInput");
declare const types: unique symbol;

/**
 * A part of a flow: an actor's client, a message that is not sent yet, a pipeline or a group. It takes `In` from the part
 * before it and gives `Out` to the one after it; a message has its input already, and takes anything.
 */
export interface FlowPart<In, Out> {
  readonly [part]: Part;
  /** Carries the types only; there is no such property at run time. */
  readonly [types]?: ((input: In) => Out) | undefined;
}

/** A message that is not sent yet. As a part of a flow it waits for what comes before it, and takes nothing of it. */
export interface FlowMessage<Out> extends FlowPart<unknown, Out> {
  readonly [hasInput]: true;
}

/** Any part, whatever it takes. */
export type AnyPart = FlowPart<never, unknown>;

/** What a part is. */
export type Part = StepPart | PipelinePart | GroupPart;

/** A message to an actor. */
export interface StepPart {
  readonly kind: "step";
  readonly sender: Sender;
  readonly posting: Posting;
  readonly through: SendThrough | undefined;
  /** Absent where it is given what comes of the part before. */
  readonly given?: { readonly input: unknown };
}

/** One part after the other. */
export interface PipelinePart {
  readonly kind: "pipeline";
  readonly steps: readonly Part[];
}

/** Parts side by side. */
export interface GroupPart {
  readonly kind: "group";
  readonly members: readonly Part[];
  readonly collects: boolean;
  readonly onComplete: StepPart | undefined;
}

/** What a part takes. */
export type Takes<P> = [P] extends [FlowPart<infer In, unknown>] ? In : never;
/** What a part gives. */
export type Gives<P> = P extends FlowPart<never, infer Out> ? Out : never;

/** The last of some parts. */
export type Last<Parts extends readonly unknown[]> = Parts extends readonly [...unknown[], infer L] ? L : Parts[number];

/** Parts in a row as they would have to be: each takes what the one before it gives. */
export type Fitting<Parts extends readonly unknown[]> = Parts extends readonly []
  ? [AnyPart]
  : Parts extends readonly [infer First, ...infer Rest]
    ? [First, ...After<Gives<First>, Rest>]
    : Parts;
type After<Given, Parts extends readonly unknown[]> = Parts extends readonly [infer Next, ...infer Rest]
  ? [[Given] extends [Takes<Next>] ? Next : WhyNot<Given, Takes<Next>>, ...After<Gives<Next>, Rest>]
  : // The end; or a list of a length that is not known, of which nothing can be said.
    Parts;

/** Members that nothing could be given to: each that takes something, with all that they take. */
export type Quarrel<Members extends readonly unknown[]> = {
  readonly [K in keyof Members]: [Asked<Members[K]>] extends [never]
    ? Members[K]
    : Misfit<"its members are given the same, and take", Asked<Members[number]>>;
};
/** What a part takes that takes not just anything. */
type Asked<Member> = Member extends unknown ? (unknown extends Takes<Member> ? never : Takes<Member>) : never;

/** What can be sent: a flow whose first messages have their inputs. */
export type Sendable<In, Flow> = unknown extends In
  ? Flow
  : Misfit<"it has no input yet: begin it with client.x.y.message(input), not client.x.y. It takes", In>;

/** An output in a group's list: what has none is `null` there, as JSON has no `undefined`. */
export type Listed<Out> = [Out] extends [void] ? null : undefined extends Out ? Exclude<Out, undefined> | null : Out;

/** The outputs of a group's members, in their order. */
export type Outputs<Members extends readonly unknown[]> = { -readonly [K in keyof Members]: Listed<Gives<Members[K]>> };

/** How a member of a group with `whenFailed: "collect"` ended. */
export type Settled<Output> =
  | { readonly status: "fulfilled"; readonly value: Output }
  | { readonly status: "rejected"; readonly reason: MemberFailure };

/** Why a member of a group is dead. */
export interface MemberFailure {
  /** The name and the message of the error that the worker met. */
  readonly name: string;
  readonly message: string;
  readonly reason: DeadReason | "cancelled";
  readonly attempts: number;
  /** The actor of the step that is dead. */
  readonly actor: string;
}

/** How the members of a group ended that collects, in their order. */
export type SettledOutputs<Members extends readonly unknown[]> = {
  -readonly [K in keyof Members]: Settled<Listed<Gives<Members[K]>>>;
};
