/** What `callboard worker` answers over HTTP: how all of its processes are, taken together. */
import type { JoinedMetrics } from "../metrics/processes.js";
import { json, text, type Answer, type Routes } from "./http.js";
import { loadMetrics } from "./metrics.js";
import type { Supervisor } from "./supervisor.js";
import type { WorkerProcess } from "./worker-process.js";

/** The routes over a supervisor's processes. */
export function statusRoutes(supervisor: Pick<Supervisor, "reports" | "measure">): Routes {
  let joined: JoinedMetrics<WorkerProcess> | undefined;
  let scraping: Promise<Answer> | undefined;
  const scrape = async (): Promise<Answer> => {
    const metrics = await loadMetrics();
    if (metrics === undefined)
      return text(501, "Metrics need a package: npm install prom-client, and start the command again");
    joined ??= new metrics.JoinedMetrics();
    const { text: body, contentType } = await joined.join(await supervisor.measure());
    return { status: 200, type: contentType, body };
  };
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
    "/metrics"() {
      // Who asks meanwhile is told the same: joined out of turn, a process that has ended would count twice.
      scraping ??= scrape().finally(() => (scraping = undefined));
      return scraping;
    },
  };
}
