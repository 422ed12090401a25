/** Steps that are taken on nobody's behalf: what begins there outlives the request, the task or the span that was first to need it. */
import { AsyncResource } from "node:async_hooks";

/** Where this module was loaded: outside of all that is begun later. */
const everywhere = new AsyncResource("callboard");

/** Takes a step in which no `AsyncLocalStorage` has anything of the caller's, such as the span that is active. */
export function outside<T>(step: () => T): T {
  return everywhere.runInAsyncScope(step);
}
