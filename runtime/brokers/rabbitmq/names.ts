/**
 * Every queue and exchange that the RabbitMQ broker uses, each named by one function. A colon separates the parts: it
 * stands in no prefix and in no queue's name.
 */
import { InvalidOptionError } from "../../vocabulary/errors.js";

/** What every name begins with, `callboard` where nothing is given. Refuses what would mean something else in a name. */
export function checkPrefix(prefix = "callboard"): string {
  if (/^[\w.-]{1,64}$/.test(prefix)) return prefix;
  throw new InvalidOptionError(`"prefix" may hold 1 to 64 letters, digits and . _ -; it is ${JSON.stringify(prefix)}.`);
}

/** How many steps the ladder of delays has. */
export const LADDER_STEPS = 34;

/** The priorities, highest first. */
export const PRIORITIES = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0] as const;

/** The place of what is given back with the highest priority. */
export const HIGHEST_RANK = 10;

/** The queue of one priority's messages; those of classic queues share one. */
export function readyQueue(prefix: string, queue: string, priority?: number): string {
  return priority === undefined ? `${prefix}:${queue}` : `${prefix}:${queue}:${priority}`;
}

/** The queue of messages that are handled alone, whatever their priority. */
export function suspectsQueue(prefix: string, queue: string): string {
  return `${prefix}:${queue}:suspects`;
}

/** The queue of dead letters. */
export function deadQueue(prefix: string, queue: string): string {
  return `${prefix}:${queue}:dead`;
}

/** The queue in which one process receives results. */
export function replyQueue(prefix: string, process: string): string {
  return `${replyQueues(prefix)}${process}`;
}

/** What the name of every queue of results begins with. */
export function replyQueues(prefix: string): string {
  return `${prefix}::reply:`;
}

/** One step of the ladder: an exchange and a queue of this name. */
export function ladderStep(prefix: string, step: number): string {
  return `${prefix}::delay:${step}`;
}

/** The exchange that messages come to when their delay is over. */
export function dueExchange(prefix: string): string {
  return `${prefix}::due`;
}

/** The exchange and the queue of due messages whose queue was deleted meanwhile. */
export function strayQueue(prefix: string): string {
  return `${prefix}::stray`;
}
