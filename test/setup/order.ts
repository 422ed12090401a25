/** The order of the test files: those that take long come first, so that no worker is left with one alone in the end. */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * The files that take longest, the longest first. Without them vitest goes by the size of a file where it remembers no
 * run, and these are short: their cases are elsewhere.
 */
const LONG = [
  "test/faults/rabbitmq.test.ts",
  "test/conformance/rabbitmq.test.ts",
  "test/faults/redis.test.ts",
  "test/conformance/redis-cluster.test.ts",
  "test/conformance/redis.test.ts",
  "test/rabbitmq/cluster.test.ts",
  "test/redis/schedules.test.ts",
  "test/rabbitmq/outage.test.ts",
  "test/docs/snippets.test.ts",
  "test/redis/failover.test.ts",
  "test/cli/operate.test.ts",
  "test/cli/processes.test.ts",
  "test/setup/rabbitmq.test.ts",
  "test/rabbitmq/pitfalls.test.ts",
  "test/faults/power-cut.test.ts",
];

/** Puts the longest files first, and leaves the others to vitest. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => this.#rank(a) - this.#rank(b));
  }

  #rank({ moduleId }: TestSpecification): number {
    const place = LONG.indexOf(relative(this.ctx.config.root, moduleId));
    return place === -1 ? LONG.length : place;
  }
}
