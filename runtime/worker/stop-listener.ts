/** Middleware that has something to finish once its worker has stopped: traces hand on what is not exported yet. */
import type { MaybePlaced, Placed } from "../middleware.js";
import { settlesWithin, systemClock } from "../support/clock.js";
import type { Logger } from "./logger.js";
import type { Middleware } from "./middleware/compose.js";

/** How long they may take, in milliseconds: whoever ended the worker waits. */
const PATIENCE = 2000;

/** A middleware that is told when its worker has stopped. */
export interface StopListener extends Placed<Middleware> {
  readonly stopped: () => Promise<void>;
}

/** Tells those who listen, and waits for them a while. */
export async function tellStopped(middleware: readonly MaybePlaced<Middleware>[], logger: Logger): Promise<void> {
  const ending = middleware
    .filter(listens)
    .map(({ stopped }) =>
      stopped().catch((error: unknown) => logger.warn({ err: error }, "a middleware could not finish its work")),
    );
  await settlesWithin(systemClock, PATIENCE, Promise.all(ending));
}

function listens(middleware: MaybePlaced<Middleware>): middleware is StopListener {
  return "stopped" in middleware;
}
