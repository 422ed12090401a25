/** What generated workers are built on. */
export type { Actor } from "../actor.js";
export type { Broker } from "../broker.js";
export type { Handler, Handlers } from "./handler.js";
export type { Task } from "./task.js";
export type { Logger } from "./logger.js";
export { createWorker } from "./worker.js";
export type { HandlersOf, StartOptions, Worker, WorkerOptions, WorkerState } from "./worker.js";
