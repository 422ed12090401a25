/** Metrics for Prometheus. Needs the package prom-client. */
export { createMetrics } from "./metrics.js";
export type { Metrics, MetricsOptions } from "./metrics.js";
