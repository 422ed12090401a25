/** Middleware that hears of its worker beside the attempts. */
import type { Actor } from "../actor.js";
import type { MaybePlaced, Placed } from "../middleware.js";
import { settlesWithin, systemClock } from "../support/clock.js";
import type { Logger } from "./logger.js";
import type { Middleware } from "./middleware/compose.js";
import type { Stray } from "./stray.js";

/** How long listeners may take to finish, in milliseconds: whoever ended the worker waits. */
const PATIENCE = 2000;

/** A middleware, and what it is told of its worker. */
export interface WorkerListener extends Placed<Middleware> {
  /** Which actors the worker serves, before it takes their messages. */
  readonly serving?: (actors: readonly Actor[]) => void;
  /** A message that came to no actor. */
  readonly stray?: (stray: Stray) => void;
  /** The worker has stopped, and its process may end at once: what is not finished by then is lost. */
  readonly stopped?: () => Promise<void>;
}

/** Those among some middleware that may listen. */
export function listenersOf(middleware: readonly MaybePlaced<Middleware>[]): readonly WorkerListener[] {
  return middleware.filter((each) => typeof each !== "function");
}

/** Tells that the worker has stopped, and waits a while for those who finish something. */
export async function tellStopped(listeners: readonly WorkerListener[], logger: Logger): Promise<void> {
  const finish = async (each: WorkerListener) => {
    try {
      await each.stopped?.();
    } catch (error) {
      logger.warn({ err: error }, "a middleware could not finish its work");
    }
  };
  await settlesWithin(systemClock, PATIENCE, Promise.all(listeners.map(finish)));
}
