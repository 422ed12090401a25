/** What `callboard worker` answers over HTTP: how all of its processes are, taken together. */
import { json, text, type Routes } from "./http.js";
import type { Supervisor } from "./supervisor.js";

/** The routes over a supervisor's processes. */
export function statusRoutes(supervisor: Supervisor): Routes {
  return {
    async "/healthz"() {
      const processes = await supervisor.reports();
      const isHealthy = processes.every(({ healthy }) => healthy === true);
      return json(isHealthy ? 200 : 503, { status: isHealthy ? "fetching" : "not fetching", processes });
    },
    async "/readyz"() {
      const processes = await supervisor.reports();
      const isReady = processes.every(({ started }) => started);
      return json(isReady ? 200 : 503, { status: isReady ? "ready" : "not ready", processes });
    },
    "/metrics": () => text(501, "There are no metrics yet."),
  };
}
