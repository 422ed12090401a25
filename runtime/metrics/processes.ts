/** The metrics of a process as a value that others can be told, and the text of those of several processes. */
import { AggregatorRegistry, register } from "prom-client";

/** What prom-client's own registry holds in one process. */
export type ProcessMetrics = Awaited<ReturnType<typeof register.getMetricsAsJSON>>;

/** Reads the metrics of this process. */
export function readMetrics(): Promise<ProcessMetrics> {
  return register.getMetricsAsJSON();
}

/** What those of several processes are together: most are summed up, but what all of them were told by the broker. */
export class JoinedMetrics<Process> {
  /** What each process said last. */
  readonly #heard = new Map<Process, ProcessMetrics>();
  /** What those have counted that have ended: where a sum grows less, Prometheus counts all of it once more. */
  #past: Promise<ProcessMetrics> = Promise.resolve([]);

  /** The text, given what each process that has not ended says; `undefined` where it does not answer. */
  async join(
    said: ReadonlyMap<Process, ProcessMetrics | undefined>,
  ): Promise<{ readonly text: string; readonly contentType: string }> {
    for (const [process, metrics] of said) if (metrics !== undefined) this.#heard.set(process, metrics);
    const ended = [...this.#heard].filter(([process]) => !said.has(process));
    for (const [process] of ended) this.#heard.delete(process);
    if (ended.length > 0) {
      const last = ended.map(([, metrics]) => lasting(metrics));
      this.#past = this.#past.then((past) => AggregatorRegistry.aggregate([past, ...last]).getMetricsAsJSON());
    }
    const now = [...this.#heard].map(([process, metrics]) =>
      said.get(process) === undefined ? lasting(metrics) : metrics,
    );
    const joined = AggregatorRegistry.aggregate([...now, await this.#past]);
    return { text: await joined.metrics(), contentType: joined.contentType };
  }
}

/** What only grows: it holds on where its process says nothing more. */
function lasting(metrics: ProcessMetrics): ProcessMetrics {
  // As prom-client's processes say it: its type says a number.
  return metrics.filter(({ type }) => ["counter", "histogram", "summary"].includes(String(type)));
}
