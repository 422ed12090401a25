/** The metrics of a process as a value that others can be told, and the text of those of several processes. */
import { AggregatorRegistry, register } from "prom-client";

/** What prom-client's own registry holds in one process. */
export type ProcessMetrics = Awaited<ReturnType<typeof register.getMetricsAsJSON>>;

/** Reads the metrics of this process. */
export function readMetrics(): Promise<ProcessMetrics> {
  return register.getMetricsAsJSON();
}

/** Joins those of several: most are summed up, but what all of them were told by the broker. */
export async function joinMetrics(all: readonly ProcessMetrics[]): Promise<{ text: string; contentType: string }> {
  const joined = AggregatorRegistry.aggregate([...all]);
  return { text: await joined.metrics(), contentType: joined.contentType };
}
