/** Traces by OpenTelemetry. Needs the package @opentelemetry/api. */
export { createTracing } from "./tracing.js";
export type { Tracing, TracingOptions } from "./tracing.js";
