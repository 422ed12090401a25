/** What a person writes for an actor. */
import type { Actor, ReceivedOf, ReturnedOf } from "../actor.js";
import type { Task } from "./task.js";

/** Does the work of one actor: receives the validated input, returns the output or a promise of it. */
export type Handler<A extends Actor> = (input: ReceivedOf<A>, task: Task) => ReturnedOf<A> | Promise<ReturnedOf<A>>;

/** A handler whose types are checked elsewhere: generated code does it, per actor. */
export type AnyHandler = (input: never, task: Task) => unknown;

/** Handlers as a worker is given them: by group, then by export. */
export type Handlers = Readonly<Record<string, Readonly<Record<string, AnyHandler>> | undefined>>;
