/** What generated workers are built on. */
export type { Actor } from "../actor.js";
export type { Broker } from "../seams/broker.js";
export type { Envelope } from "../wire/envelope.js";
export { use } from "../middleware.js";
export type { MaybePlaced, Place, Placed } from "../middleware.js";
export { currentTask } from "./current-task.js";
export type { Handler, Handlers, HandlersOf, KnownQueue, TaskOf } from "./handler.js";
export type { Middleware, Next } from "./middleware/compose.js";
export type { BuiltinLayer } from "./middleware/stack.js";
export type { Cancelled, Dead, Done, Outcome, Postpone, Release, Retry, Taken } from "./outcome.js";
export type { IsolateOptions } from "./threads/index.js";
export type { MiddlewareTask, ProgressTask, Task } from "./task.js";
export type { Logger } from "./logger.js";
export { createWorker } from "./worker.js";
export type { StartOptions, WorkerOptions } from "./options.js";
export type { Worker, WorkerState } from "./worker.js";
