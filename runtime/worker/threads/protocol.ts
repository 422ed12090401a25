/** What a worker and its threads say to each other. All of it can be copied from one to the other. */
import type { MessagePort } from "node:worker_threads";
import type { Headers } from "../../wire/envelope.js";
import type { Logger } from "../logger.js";
import type { TaskMessage } from "../task.js";
import type { Thrown } from "./thrown.js";

/** Where a handler is: in a module, in a group, under the name of its actor's export. */
export interface Place {
  readonly module: string;
  readonly group: string;
  readonly name: string;
}

/** One attempt, as a thread is given it. */
export interface Assignment extends Place {
  readonly input: unknown;
  readonly message: TaskMessage;
  readonly surroundings: Headers;
  /** The two hear from each other there while the attempt lasts. */
  readonly port: MessagePort;
}

/** The levels that a handler logs at. */
export type Level = Exclude<keyof Logger, "child">;

/** What a thread says: a line of its handler's log, how far that is, or how the attempt ended. */
export type Note =
  | { readonly kind: "log"; readonly level: Level; readonly fields: object; readonly text: string }
  | { readonly kind: "progress"; readonly value: unknown }
  | { readonly kind: "returned"; readonly output: unknown }
  | { readonly kind: "unfit"; readonly message: string }
  | { readonly kind: "threw"; readonly error: Thrown };
