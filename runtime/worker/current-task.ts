/** The task at hand, for code that is called by a handler but is not given its task: a logger, a database client. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Task } from "./task.js";

const tasks = new AsyncLocalStorage<Task>();

/** The task that this code works for, wherever a handler or a middleware called it from; `undefined` outside of any. */
export function currentTask(): Task | undefined {
  return tasks.getStore();
}

/** Takes a step on behalf of a task. */
export function onBehalfOf<T extends Task, Result>(task: T, step: (task: T) => Result): Result {
  return tasks.run(task, step, task);
}
