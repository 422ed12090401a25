/** What a person writes for an actor. */
import type { Actor, ReceivedOf, ReportedOf, ReturnedOf } from "../actor.js";
import type { ProgressTask, Task } from "./task.js";

/** What a handler of an actor is given beside the input: it tells its progress where the contract has one. */
export type TaskOf<A extends Actor> = [ReportedOf<A>] extends [never] ? Task : ProgressTask<ReportedOf<A>>;

/** Does the work of one actor: receives the validated input, returns the output or a promise of it. */
export type Handler<A extends Actor> = (
  input: ReceivedOf<A>,
  task: TaskOf<A>,
) => ReturnedOf<A> | Promise<ReturnedOf<A>>;

/** A handler whose types are checked elsewhere: generated code does it, per actor. */
export type AnyHandler = (input: never, task: ProgressTask<never>) => unknown;

/** Handlers as a worker is given them: by group, then by export. */
export type Handlers = Readonly<Record<string, Readonly<Record<string, AnyHandler>> | undefined>>;

/** A queue that a worker names: itself where a contract has it, else those that there are, for the compiler to tell. */
export type KnownQueue<QueueHandlers, Q> = Q extends keyof QueueHandlers
  ? Q
  : // Spelt out: of `keyof QueueHandlers` the compiler would show no more than that.
    { [Name in keyof QueueHandlers & string]: Name }[keyof QueueHandlers & string];

/**
 * The handlers that some queues need: each queue's, together. Those of other queues may be there as well. A queue that no
 * contract has needs none: what is wrong is its name.
 */
export type HandlersOf<QueueHandlers, Q> = Flatten<Intersection<QueueHandlers[Extract<Q, keyof QueueHandlers>]>> &
  Optional<Flatten<Intersection<QueueHandlers[keyof QueueHandlers]>>>;
type Optional<T> = { [Group in keyof T]?: Partial<T[Group]> };
type Intersection<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer I) => void ? I : never;
type Flatten<T> = { [Group in keyof T]: { [Name in keyof T[Group]]: T[Group][Name] } };
